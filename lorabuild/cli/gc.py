"""``lorabuild gc``: remove from the store what nothing needs any more; ``--dry-run`` shows what would go.

What stays: all that the project needs as it stands, the last builds, pinned ones, and what is younger than a day.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common, described, opened, source_date
from lorabuild.core.amounts import seconds, shown, size
from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from lorabuild.core.events import Event
    from lorabuild.graph.sweep import Limits
    from lorabuild.schema.project import Project

GRACE = "24h"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "gc", parents=[common()], help="remove what nothing needs any more", description=described(__doc__)
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    parser.add_argument("--keep", metavar="K", help="keep the last K builds (default: `store.keep` in lora.yaml)")
    parser.add_argument("--grace", metavar="TIME", default=GRACE, help=f"keep what is younger (default: {GRACE})")
    parser.add_argument(
        "--max-size", metavar="SIZE", help="drop the oldest builds where the store is larger (default: `store.size`)"
    )
    parser.add_argument("--no-wait", action="store_true", help="fail when a build is running, instead of waiting")


def run(args: argparse.Namespace) -> int:
    """Sweep; 0 also when there was nothing to sweep."""
    from lorabuild.graph.sweep import gc

    loaded = opened(args)
    limits = _limits(args, loaded.project)
    found = gc(loaded, limits, _say, dry_run=args.dry_run, wait=not args.no_wait, date=source_date())
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        print("\n".join(_lines(found, shared=loaded.project.store.shared)))
    return 0


def _limits(args: argparse.Namespace, project: Project) -> Limits:
    """What the command line says, else lora.yaml."""
    from lorabuild.graph.sweep import Limits

    most = args.max_size or project.store.size
    return Limits(
        keep=project.store.keep if args.keep is None else _read(_count, "--keep", args.keep),
        grace=_read(seconds, "--grace", args.grace),
        most=_read(size, "--max-size", most) if most else None,
    )


def _read(reader: Callable[[str], Any], option: str, text: str) -> Any:
    """An option's value. Raises ``ProjectError``."""
    try:
        return reader(text)
    except ValueError as error:
        raise ProjectError(str(error), where=f"command line {option}", next_step="`lorabuild gc --help`") from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"`{text}` is no number of builds; write 1 or more")
    return int(text)


def _say(event: Event) -> None:
    if text := event.data.get("text"):
        print(text, file=sys.stderr, flush=True)


def _lines(found: dict[str, Any], *, shared: bool) -> list[str]:
    """Two tables and a closing line, in the future or in the past."""
    goes = [(row["kind"], row["number"], shown(row["bytes"])) for row in found["goes"] if row["number"]]
    stays = [(row["why"], row["results"], shown(row["bytes"])) for row in found["stays"] if row["bytes"]]
    parts = [_table("would go" if found["dry_run"] else "gone", "number", goes)] if goes else []
    parts += [_table("stays", "results", stays)] if stays else []
    return [line for part in parts for line in (*part, "")] + _closing(found, shared=shared)


def _table(title: str, counted: str, rows: list[tuple[str, int, str]]) -> list[str]:
    width = max(28, *(len(name) for name, _, _ in rows))
    head = f"{title:<{width + 2}} {counted:>9} {'bytes':>10}"
    return [head, *(f"  {name:<{width}} {number:>9,} {size:>10}" for name, number, size in rows)]


def _closing(found: dict[str, Any], *, shared: bool) -> list[str]:
    free, after = shown(found["before"] - found["after"]), shown(found["after"])
    if not any(row["number"] for row in found["goes"]):
        lines = [f"nothing to remove; the store has {after}"]
    elif found["dry_run"]:
        lines = [f"about {free} would be free, {after} left; nothing was changed"]
    else:
        lines = [f"{free} free, {after} left"]
    if found["given_up"]:
        numbers = ", ".join(str(number) for number in sorted(found["given_up"]))
        lines.append(f"given up for --max-size {shown(found['most'])}: build {numbers}")
    if not found["fits"]:
        lines.append(f"{shown(found['most'])} can't be met: the rest is needed, pinned, in use or too young")
    if shared:
        lines.append("the shared store is not touched: other projects use it")
    return lines
