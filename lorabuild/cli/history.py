"""``lorabuild history``: the builds, the newest last. `lorabuild restore N` brings the files of one back.

The files of every build stay in the store until `lorabuild gc` lets the oldest go; `--pin` keeps a build from that.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common, described, project_folder
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "history", parents=[common()], help="the builds, and which one lies there now", description=described(__doc__)
    )
    parser.add_argument("--pin", type=int, metavar="N", help="keep the files of build N whatever gc sweeps")
    parser.add_argument("--unpin", type=int, metavar="N", help="let go of build N")


def run(args: argparse.Namespace) -> int:
    """Print the builds; with ``--pin`` and ``--unpin`` after having done it."""
    from lorabuild.core.store import Store
    from lorabuild.graph.past import builds, repin
    from lorabuild.graph.session import STORE

    root = project_folder(args)
    wanted = {number: on for number, on in ((args.pin, True), (args.unpin, False)) if number is not None}
    if wanted:
        repin(root, wanted, say=lambda text: print(text, file=sys.stderr))
    with Store(root / STORE, read_only=True) as store:
        found = builds(store, root)
    if as_json(args):
        print(json.dumps({"builds": [{**build, "made": _when(build["made"])} for build in found]}, ensure_ascii=False))
    else:
        print("\n".join(_lines(found, every=getattr(args, "verbose", False))))
    return 0


def _when(made: int | None) -> str | None:
    """Local time with its distance from UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(made, UTC).astimezone().isoformat(timespec="seconds") if made else None


def _lines(found: list[dict[str, Any]], *, every: bool) -> Iterator[str]:
    """A line a build; those that ended before the package share one unless ``every`` is wanted."""
    if not found:
        yield "nothing was built here yet"
    for short, together in groupby(found, key=lambda build: not every and not build["outputs"]):
        builds = list(together)
        yield from [_summary(builds)] if short else map(_line, builds)
    if any(build["here"] for build in found):
        yield "\n* lies in the output folder; `lorabuild restore N` brings back another"


def _line(build: dict[str, Any]) -> str:
    mark = "*" if build["here"] else " "
    when = (_when(build["made"]) or "?")[:16].replace("T", " ")
    notes = ["pinned"] * build["pinned"] + ["files gone"] * (bool(build["outputs"]) and not build["restorable"])
    said = f"{mark}{build['number']:>5}  {when:<16}  {(build['sha256'] or '–')[:12]:<12}  {_ran(build)}"
    return said + (f"  [{', '.join(notes)}]" if notes else "")


def _ran(build: dict[str, Any]) -> str:
    """What was done, in a few words."""
    if build["found"]:
        return "found in the output folder, of no build that is known"
    if len(build["ran"]) == len(STAGES):
        return "everything"
    ran = [name if count == 1 else f"{name} {count}" for name, count in build["ran"].items()]
    return ", ".join(ran) or "nothing ran: it came back from the store"


def _summary(builds: list[dict[str, Any]]) -> str:
    from lorabuild.cli.lines import counted

    first, last = builds[0]["number"], builds[-1]["number"]
    numbers = f"{first}" if first == last else f"{first}–{last}"
    return f" {numbers:>5}  {counted(len(builds), 'build')} up to {_ends(builds)}, without files"


def _ends(builds: list[dict[str, Any]]) -> str:
    """The last stages that they came to."""
    return ", ".join(dict.fromkeys(list(build["ran"])[-1] for build in builds if build["ran"])) or "an early stage"
