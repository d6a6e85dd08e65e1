"""Several processes of one build: what the command line or a launcher says of them, and how they begin and end."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from lorabuild.cli.person import person
from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.launch import ALONE, Launch, said, told

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

USUAL: tuple[Any, ...] = (1, 1, 0, "")
LOOPBACK = {"linux": "lo", "darwin": "lo0"}


def add_processes(parser: argparse.ArgumentParser) -> None:
    """The words that say how many train together."""
    group = parser.add_argument_group("several processes", "they train together; also under torchrun and accelerate")
    group.add_argument("--processes", type=int, metavar="N", help="processes on this machine: one a GPU")
    group.add_argument("--nodes", type=int, metavar="M", help="machines; say the same on each, in the same folder")
    group.add_argument("--node-rank", type=int, metavar="R", help="which machine this is, from 0; the first one builds")
    group.add_argument("--main", metavar="ADDRESS:PORT", help="of the first machine, where all meet")


def launched(args: argparse.Namespace) -> Launch:
    """This process's place. Raises ``ProjectError`` for words that make no team."""
    by_launcher = told(os.environ)
    words = (args.processes, args.nodes, args.node_rank, args.main)
    if words == (None, None, None, None):
        launch = by_launcher or ALONE
    elif by_launcher:
        raise ProjectError(
            "a launcher and --processes both say how many train together",
            where="command line",
            next_step="leave out --processes, --nodes, --node-rank and --main under torchrun or accelerate",
        )
    else:
        launch = said(*(usual if word is None else word for word, usual in zip(words, USUAL, strict=True)))
    if launch.size > 1 and not launch.main and sys.platform in LOOPBACK:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK[sys.platform])  # nothing listens outside this machine
    return launch


def placed_among(loaded: Loaded, launch: Launch) -> Loaded:
    """The project as this process is to build it."""
    return replace(loaded, site=replace(loaded.site, launch=launch))


@contextmanager
def leading(launch: Launch) -> Iterator[None]:
    """While this process builds, others may wait for its word; afterwards they end, however it ends."""
    if not launch.main:
        yield
        return
    from lorabuild.training.crew import post

    office = post(launch)
    try:
        yield
    finally:
        office.dismiss()


def help_out(loaded: Loaded, launch: Launch) -> NoReturn:
    """What every process but the first one does: trains what the first one says, and builds nothing itself.

    With its share done it ends at once, as a helper that we start does: torch's threads may abort a Python that ends
    around them, and a launcher would take that for a failure of all.
    """
    from lorabuild.graph.worker import wait

    person()
    try:
        wait(loaded.site.root, launch)
    except RuntimeError as error:
        raise LorabuildError(
            f"process {launch.rank + 1} of {launch.size} lost the first one: {error}",
            where="command line",
            next_step="look at what the first one says",
        ) from error
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
