"""``lorabuild watch [TARGET…]``: build whenever images, captions, models or lora.yaml change, up to the training."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, said_here, source_date
from lorabuild.cli.targets import add_targets
from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lorabuild.graph.lastgood import LastGood


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "watch", parents=[of_project()], help="build again whenever something changes", description=described(__doc__)
    )
    add_targets(parser)
    parser.add_argument("--train", action="store_true", help="go all the way: train, draw samples, package, report")
    parser.add_argument(
        "--poll",
        action="store_true",
        help="look at the folders every second, where the system tells nothing of changes",
    )
    parser.add_argument("--open", action="store_true", help="show it live in the browser: see `lorabuild report`")


def run(args: argparse.Namespace) -> int:
    """Watch; it ends when it is interrupted, or at once with 2 when the project is wrong to begin with."""
    from lorabuild.cli.faces import json_line
    from lorabuild.cli.person import person
    from lorabuild.cli.rounds import Rounds
    from lorabuild.graph.lastgood import LastGood
    from lorabuild.graph.watch import BEFORE_TRAINING, watch
    from lorabuild.graph.wishes import Wishes

    if args.train and args.targets:
        raise ProjectError(
            f"`--train` goes all the way, and `{args.targets[0]}` does not",
            where="command line",
            next_step="say one of the two",
        )
    settings = LastGood(Path(getattr(args, "folder", ".")), said_here(args))
    targets = () if args.train else tuple(args.targets) or (BEFORE_TRAINING,)
    wishes = Wishes(targets=targets, date=source_date(), person=person())
    with _shown(settings) if args.open else nullcontext():
        if as_json(args):
            watch(settings, wishes, json_line, poll=args.poll)
        with Rounds(args, settings.good.project) as rounds:
            watch(settings, wishes, rounds, poll=args.poll)


@contextmanager
def _shown(settings: LastGood) -> Iterator[None]:
    """The live view in the browser, as long as the watch goes on."""
    from lorabuild.cli.report import browse
    from lorabuild.graph.live import Live
    from lorabuild.graph.serve import serving

    with serving(Live(lambda: settings.good)) as server:
        print(f"to be seen at {server.address}", file=sys.stderr, flush=True)
        browse(server.address)
        yield
