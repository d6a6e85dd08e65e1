"""``lorabuild [build] [TARGET…]``: bring the LoRA up to date; do only the work that a change calls for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import changed_here, described, of_project, opened, source_date
from lorabuild.cli.targets import add_targets
from lorabuild.cli.together import add_processes, help_out, launched, leading, placed_among

if TYPE_CHECKING:
    import argparse

FRESH = "train from the start, also where training.on_change or a raised budget would go on from the last result"
CONSENT = "allow lora.yaml to write outside the project: to its remote store and output folder; remembered"
TRUST = "allow lora.yaml to run the code in its project that it names; remembered"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "build", parents=[of_project()], help="bring the LoRA up to date", description=described(__doc__)
    )
    add_targets(parser)
    parser.add_argument("--locked", action="store_true", help="fail when lora.lock would change")
    parser.add_argument("--no-wait", action="store_true", help="fail when another build is running, instead of waiting")
    parser.add_argument("--rehash", action="store_true", help="read every file again, whatever its time stamps say")
    parser.add_argument("--fresh", action="store_true", help=FRESH)
    parser.add_argument("--consent", action="store_true", help=CONSENT)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--variant", metavar="NAME", help="build this variant only; lora.lock stays as it is")
    one.add_argument("--no-variants", action="store_true", help="build no variant; lora.lock stays as it is")
    add_processes(parser)
    parser.add_argument("--trust", action="store_true", help=TRUST)


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
    launch = launched(args)
    loaded = placed_among(opened(args), launch)
    if launch.rank:
        help_out(loaded, launch)
    wishes = Wishes(
        targets=tuple(args.targets),
        locked=args.locked,
        wait=not args.no_wait,
        rehash=args.rehash,
        date=source_date(),
        fresh=args.fresh,
        variant="" if args.no_variants else args.variant,
        seen=None if changed_here(args) else seen,
        person=asked(args, loaded.site),
    )
    with leading(launch), face(args, loaded.project) as emit:
        build(loaded, wishes, emit)
    return 0
