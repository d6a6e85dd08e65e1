"""``lorabuild status``: the project as it stands."""

from __future__ import annotations

import json
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from lorabuild.cli import lines
from lorabuild.cli.options import as_json, described, of_project, opened, source_date

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Register the command."""
    subparsers.add_parser(
        "status", parents=[of_project()], help="images, repeats and what is up to date", description=described(__doc__)
    )


def run(args: argparse.Namespace) -> int:
    """Print the status, with ``-v`` every stage; 0 always, also when there is work to do."""
    from lorabuild.graph.session import viewing
    from lorabuild.graph.status import status

    with viewing(opened(args), source_date()) as view:
        found = status(view)
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(lines.fitted(_lines(found, every=getattr(args, "verbose", False)), hang=12)))
    return 0


def _lines(found: dict[str, Any], *, every: bool) -> list[str]:
    """How it is and what to type next; what it is made of; what was built and what is kept."""
    from lorabuild.graph.status import several

    done = "up to date" if found["clean"] else "there is work to do (`lorabuild plan` says what)"
    parts = [
        lines.target_lines(found.get("targets", ())),
        _concepts(found["concepts"]),
        _stages(found["stages"], every=every),
        _built(found),
    ]
    if gone := found["missing"]:
        parts.append([f"  missing     {several(gone)}: `lorabuild` puts it there"])
    parts.append([f"  set aside: {lines.set_aside(entry)}" for entry in found["aside"]])
    return [f"{found['name']}: {done}", *(line for part in parts if part for line in ("", *part))]


def _concepts(concepts: list[dict[str, Any]]) -> list[str]:
    width = max([10, *(len(concept["name"]) for concept in concepts)])
    from lorabuild.cli.lines import apart

    lines = []
    for concept in concepts:
        lines.append(f"  {concept['name']:<{width}} {concept['images']:>6} images × {concept['repeats']} repeats")
        lines += [f"  {line}" for line in apart(concept)]
    return lines


def _stages(stages: list[dict[str, Any]], *, every: bool) -> list[str]:
    """The stages with something to do, unless all are wanted."""
    shown = [stage for stage in stages if (every and stage["total"]) or stage["todo"]]
    return [f"  {stage['name']:<10} {stage['reused']:>6} of {stage['total']} done" for stage in shown]


def _built(found: dict[str, Any]) -> list[str]:
    """The last build, the files that it handed out, the store."""
    from lorabuild.cli.lines import counted
    from lorabuild.core.amounts import shown

    files = [f"{entry['path']} ({shown(entry['bytes'])})" for entry in found["outputs"]]
    files.sort(key=lambda text: ".safetensors" not in text)
    more = [f"and {len(files) - 2} more"] if len(files) > 3 else []
    last = found["last_build"]
    if last is None:
        return ["  nothing was built yet: `lorabuild` builds it"]
    lines = [f"  last build  {_last(last)}"]
    lines += [f"  files       {', '.join([*(files[:2] if more else files), *more])}"] if files else []
    size, builds = shown(found["store"]["bytes"]), counted(found["store"]["builds"], "build")
    return [*lines, f"  store       {size}, {builds} in `lorabuild history`"]


def _last(build: dict[str, Any]) -> str:
    """``3, 2026-11-21 08:10, took 4 min 10 s: train, sample 2``."""
    from lorabuild.cli.lines import cut, span

    made = f", {strftime('%Y-%m-%d %H:%M', localtime(build['made']))}" if build["made"] else ""
    took = f", took {span(build['seconds'])}" if build["seconds"] else ""
    ran = ", ".join(stage if count == 1 else f"{stage} {count}" for stage, count in build["ran"].items())
    return cut(f"{build['number']}{made}{took}: {ran or 'nothing ran'}")
