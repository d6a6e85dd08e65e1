"""``lorabuild fetch``: download every model of the hub that this project takes, so that it can be built offline.

Takes the revisions that lora.lock pins, the newest where it pins none; tells what is here already and what it costs.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened
from lorabuild.core.amounts import shown

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "fetch", parents=[of_project()], help="download models, for work offline", description=described(__doc__)
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would cost, and download nothing")


def run(args: argparse.Namespace) -> int:
    """Download, and say of each model what is here and what is missing."""
    from lorabuild.graph.fetch import fetch
    from lorabuild.graph.session import placed

    def say(row: dict[str, Any]) -> None:
        if not as_json(args) and not getattr(args, "quiet", False):
            print(_line(row), file=sys.stderr)

    if as_json(args) or getattr(args, "quiet", False):
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    loaded = opened(args)
    with placed(loaded):
        rows = fetch(loaded, say, dry_run=args.dry_run)
    if as_json(args):
        print(json.dumps({"event": "done", "ok": True, "downloaded": not args.dry_run, "models": rows}))
    elif not getattr(args, "quiet", False):
        print(_sum(rows, dry_run=args.dry_run), file=sys.stderr)
    return 0


def _line(row: dict[str, Any]) -> str:
    head = f"{row['model']}: {row['source']} at {row['revision'][:12]}"
    if not row["checked"]:
        return f"{head}: all that a build needs is here (the hub can't be asked)"
    if not row["missing"]:
        return f"{head}: here ({shown(row['here'])})"
    return f"{head}: {shown(row['missing'])} to download" + (f", {shown(row['here'])} here" if row["here"] else "")


def _sum(rows: list[dict[str, Any]], *, dry_run: bool) -> str:
    missing = sum(row["missing"] for row in rows)
    if missing and dry_run:
        return f"{shown(missing)} would be downloaded"
    return f"{shown(missing)} downloaded; this machine needs no network now" if missing else "everything is here"
