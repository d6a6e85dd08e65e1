"""``lorabuild pick``: a scored table of the epochs, which one to hand out at which weight, and why.

Pictures are drawn and measured where they weren't before, which takes a while; a second time it is instant. ``--write``
writes the epoch into lora.yaml as ``output.epoch``, and keeps the old text as ``lora.yaml.bak``, ``.bak1``, ….
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, project_folder, source_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.evaluate.judge import Picked, Row


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "pick",
        parents=[of_project()],
        help="which epoch to hand out, and why",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write `output.epoch` into lora.yaml")


def run(args: argparse.Namespace) -> int:
    """Print the table and the recommendation; 0 always."""
    from contextlib import nullcontext

    from lorabuild.cli.faces import face
    from lorabuild.core.events import silent
    from lorabuild.graph import pick
    from lorabuild.graph.session import viewing

    loaded = opened(args)
    shown = nullcontext(silent) if as_json(args) else face(args, loaded.project)
    with viewing(loaded, source_date()) as view, shown as emit:
        found = pick.picked(view, emit)
    told = {**found.as_dict(), **(_written(args, found.epoch) if args.write else {})}
    print(json.dumps(told, ensure_ascii=False) if as_json(args) else "\n".join(_lines(found, told)))
    return 0


def _written(args: argparse.Namespace, epoch: int) -> dict[str, Any]:
    from lorabuild.graph.rules import handed_out

    change = handed_out(project_folder(args) / "lora.yaml", epoch)
    return {"diff": change.diff, "backup": change.write().name if change.diff else None}


def _lines(found: Picked, told: dict[str, Any]) -> Iterator[str]:
    """The table, a sentence each on epoch, weight and run, and what else can be done."""
    yield "  epoch  training  validation  likeness  without trigger  score"
    yield from (_row(row, picked=row.epoch == found.epoch) for row in found.rows)
    yield f"  validation: on {found.source}; {found.base:.4f} without the LoRA. likeness: by {found.eye}"
    yield ""
    yield from found.why
    yield ""
    if "diff" not in told:
        yield f"`lorabuild pick --write` writes `output: {{epoch: {found.epoch}}}`; `epoch: auto` picks at every build"
    elif told["diff"]:
        yield from (*told["diff"], f"written; the old text is {told['backup']}")
    else:
        yield "lora.yaml says so already"


def _row(row: Row, *, picked: bool) -> str:
    training = "–" if row.training is None else f"{row.training:.4f}"
    leak = "–" if row.leak is None else f"{row.leak:.2f}"
    seen = f"{row.likeness:>8.2f}  {leak:>15}  {row.score:.3f}"
    return f"{'→' if picked else ' '} {row.epoch:>5}  {training:>8}  {row.validation:>10.4f}  {seen}"
