"""``lorabuild [build] [TARGET…]``: bring the LoRA up to date; do only the work that a change calls for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import changed_here, described, of_project, opened, source_date
from lorabuild.cli.targets import add_targets

if TYPE_CHECKING:
    import argparse

CONSENT = "allow lora.yaml to write outside the project: to its remote store and output folder; remembered"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "build", parents=[of_project()], help="bring the LoRA up to date", description=described(__doc__)
    )
    add_targets(parser)
    parser.add_argument("--locked", action="store_true", help="fail when lora.lock would change")
    parser.add_argument("--no-wait", action="store_true", help="fail when another build is running, instead of waiting")
    parser.add_argument("--rehash", action="store_true", help="read every file again, whatever its time stamps say")
    parser.add_argument("--consent", action="store_true", help=CONSENT)


def run(args: argparse.Namespace) -> int:
    """Build; 0 when the LoRA is up to date, also with images set aside."""
    from lorabuild.cli.faces import face
    from lorabuild.cli.person import asked
    from lorabuild.core.nullindex import Seen
    from lorabuild.graph.build import build
    from lorabuild.graph.wishes import Wishes

    folder = Path(getattr(args, "folder", "."))
    seen = Seen(folder)
    seen.file(folder / "lora.yaml")
    loaded = opened(args)
    wishes = Wishes(
        targets=tuple(args.targets),
        locked=args.locked,
        wait=not args.no_wait,
        rehash=args.rehash,
        date=source_date(),
        seen=None if changed_here(args) else seen,
        person=asked(args, loaded.site),
    )
    with face(args, loaded.project) as emit:
        build(loaded, wishes, emit)
    return 0
