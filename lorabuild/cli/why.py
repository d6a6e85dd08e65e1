"""``lorabuild why PATH|STAGE``: the reason for which something would be done again – or that nothing changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.core.trouble import printable

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "why", parents=[of_project()], help="why something is done again", description=described(__doc__)
    )
    parser.add_argument("subject", metavar="PATH|STAGE", help="an image, or a stage")


def run(args: argparse.Namespace) -> int:
    """Print the reasons."""
    from lorabuild.graph.forecast import why
    from lorabuild.graph.session import viewing

    with viewing(opened(args), source_date()) as view:
        found = why(view, args.subject)
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for entry in found["reasons"]:
        print(printable(f"{entry['stage']:<10} {entry['item']}: {entry['why']}"))
    if not found["reasons"]:
        print(f"{args.subject}: nothing changed; every result is in the store")
    return 0
