"""``lorabuild plan``: what a build would do, and why; nothing is done. Exit 0 when clean, 3 when there is work."""

from __future__ import annotations

import json
import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.cli.targets import add_targets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "plan", parents=[of_project()], help="what a build would do, and why", description=described(__doc__)
    )
    add_targets(parser)


def run(args: argparse.Namespace) -> int:
    """Print the plan; with ``-v`` every item with its reason."""
    from lorabuild.graph.forecast import forecast
    from lorabuild.graph.session import viewing

    with viewing(opened(args), source_date()) as view:
        found = forecast(view, tuple(args.targets))
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        from lorabuild.cli.lines import fitted

        width = get_terminal_size().columns if sys.stdout.isatty() else None
        print("\n".join(fitted(_lines(found, width, all_items=getattr(args, "verbose", False)))))
    return 0 if found["clean"] else 3


def _lines(found: dict[str, Any], width: int | None, *, all_items: bool) -> list[str]:
    """The plan; a stage's line is cut at the terminal's edge, ``why`` says the whole of it."""
    from lorabuild.cli import lines

    text = [_heading(found)]
    for stage in found["stages"]:
        if stage["todo"]:
            text += [lines.cut(_stage(stage), width), *(_items(stage) if all_items else ())]
    if models := sorted({model for stage in found["stages"] for model in stage["loads"]}):
        text.append(f"  models to load: {', '.join(models)}")
    text += ["", *lines.table_lines(found), *(f"  {lines.absorbing(row)}" for row in found["triggers"])]
    others = (one for one in found.get("variants", ()) if one["steps"] != found["steps"])
    text += [f"  {one['name']}: {lines.steps(found | one)}" for one in others]
    text += lines.bucket_lines(found)
    text += [f"  {entry['text']}" for entry in found["notes"]]
    return text + [f"warning: {lines.warning(entry)}" for entry in found["warnings"]]


def _heading(found: dict[str, Any]) -> str:
    from lorabuild.cli.lines import counted, span

    if found["clean"]:
        return "nothing to do"
    stages = counted(sum(1 for stage in found["stages"] if stage["todo"]), "stage")
    return f"work for {stages}" + (f", about {span(found['seconds'])}:" if found["seconds"] else ":")


def _stage(stage: dict[str, Any]) -> str:
    """Name, how much, how long, why."""
    from lorabuild.cli.lines import reason, span

    much = ("up to " if stage["upper_bound"] else "") + f"{stage['todo']} of {stage['total']}"
    long = f"~ {span(stage['seconds'])}" if stage["seconds"] else ""
    return f"  {stage['name']:<9} {much:<16} {long:>12}   {reason(stage['reasons'])}"


def _items(stage: dict[str, Any]) -> Iterator[str]:
    return (f"      {entry['item']}: {entry['why']}" for entry in stage["reasons"])
