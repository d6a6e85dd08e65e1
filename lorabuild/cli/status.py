"""``lorabuild status``: the project as it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Register the command."""
    subparsers.add_parser(
        "status", parents=[of_project()], help="images, repeats and what is up to date", description=described(__doc__)
    )


def run(args: argparse.Namespace) -> int:
    """Print the status; 0 always, also when there is work to do."""
    from lorabuild.graph.session import viewing
    from lorabuild.graph.status import status

    with viewing(opened(args), source_date()) as view:
        found = status(view)
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
    return 0


def _lines(found: dict[str, Any]) -> list[str]:
    done = "up to date" if found["clean"] else "there is work to do (`lorabuild plan` says what)"
    lines = [f"{found['name']}: {done}", ""]
    lines += [f"  {c['name']:<20} {c['images']:>5} images × {c['repeats']} repeats" for c in found["concepts"]]
    lines += ["", *(f"  {s['name']:<10} {s['reused']:>6} of {s['total']} done" for s in found["stages"])]
    lines += [f"  set aside: {entry['item']} – {entry['problem']}" for entry in found["aside"]]
    return lines
