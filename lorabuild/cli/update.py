"""``lorabuild update [NAME…]``: move models of the hub to the newest commit of their branch.

lora.lock pins a hub id to the commit that the first build found; every later build takes that one, here and elsewhere.
NAME is `base`, `vae`, `tagger` or a hub id. The next `lorabuild` builds with what was moved.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SHORT = 12


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "update", parents=[of_project()], help="move models of the hub to their newest", description=described(__doc__)
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="base, vae, tagger or a hub id (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="say what would move, and change nothing")


def run(args: argparse.Namespace) -> int:
    """Move the pins, and say from where to where."""
    from lorabuild.graph.session import placed
    from lorabuild.graph.update import update

    loaded = opened(args)
    with placed(loaded):
        rows = update(loaded, args.names, lambda text: print(text, file=sys.stderr), dry_run=args.dry_run)
    if as_json(args):
        print(json.dumps({"event": "done", "ok": True, "models": rows}, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        print("\n".join(_lines(rows, dry_run=args.dry_run)), file=sys.stderr)
    return 0


def _lines(rows: list[dict[str, Any]], *, dry_run: bool) -> Iterator[str]:
    if not rows:
        yield "this project takes no model from the hub"
    for row in rows:
        of = f"{row['variant']}: " if "variant" in row else ""
        yield f"{of}{row['model']}: {row['source']}  {_told(row)}"
    if any(row["moved"] for row in rows):
        yield "nothing was changed" if dry_run else "lora.lock is changed; the next `lorabuild` builds with these"


def _told(row: dict[str, Any]) -> str:
    then, now = (str(row[when] or "")[:SHORT] for when in ("then", "now"))
    if row["branch"] is None:
        return f"{now}, as lora.yaml says"
    if row["then"] is None:
        return f"isn't pinned yet: the next build pins what it finds (newest: {now})"
    return f"{then} → {now}" if row["moved"] else f"{now} is the newest"
