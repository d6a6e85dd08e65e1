"""``lorabuild plan``: what a build would do, and why; nothing is done. Exit 0 when clean, 3 when there is work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.faces import table_lines
from lorabuild.cli.options import as_json, of_project, opened, source_date
from lorabuild.cli.targets import add_targets

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "plan", parents=[of_project()], help="what a build would do, and why", description=__doc__
    )
    add_targets(parser)


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    from lorabuild.graph.forecast import forecast
    from lorabuild.graph.session import viewing

    with viewing(opened(args), source_date()) as view:
        found = forecast(view, tuple(args.targets))
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
    return 0 if found["clean"] else 3


def _lines(found: dict[str, Any]) -> list[str]:
    lines = ["nothing to do"] if found["clean"] else []
    for stage in found["stages"]:
        if stage["todo"]:
            bound = "up to " if stage["upper_bound"] else ""
            lines.append(f"{stage['name']:<10} {bound}{stage['todo']} of {stage['total']}{_time(stage)}")
            lines += [f"    {reason['item']}: {reason['why']}" for reason in stage["reasons"][:8]]
            lines += [f"    … and {len(stage['reasons']) - 8} more"] if len(stage["reasons"]) > 8 else []
    lines += ["", *table_lines(found)]
    lines += [f"warning: {w['text']} [{w['code']}]" for w in found["warnings"]]
    return lines


def _time(stage: dict[str, Any]) -> str:
    return f", about {stage['seconds']:.0f} s" if stage.get("seconds") else ""
