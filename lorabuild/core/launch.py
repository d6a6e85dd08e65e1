"""Which of several processes that train together this one is, from the command line or from a launcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

WHERE = "command line"
SAID = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun and accelerate tell a process, and what a library below us must not take for its own business."""
HOSTED = "TORCHELASTIC_USE_AGENT_STORE"


@dataclass(frozen=True, slots=True)
class Launch:
    """The place of this process among those that train together.

    Attributes:
        rank: its number among all, from 0: the first one builds, the others only help it to train.
        size: how many there are.
        local: its number on this machine: which of the machine's GPUs it takes.
        here: how many there are on this machine.
        starts: how many more this process starts itself when it comes to train.
        main: where all meet, ``address:port``; empty when all are on this machine and meet in a file.
        hosted: the launcher itself keeps that place open.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    here: int = 1
    starts: int = 0
    main: str = ""
    hosted: bool = False


ALONE = Launch()
"""One process, as usual."""


def said(processes: int, nodes: int, node_rank: int, main: str) -> Launch:
    """What ``--processes``, ``--nodes``, ``--node-rank`` and ``--main`` ask for. Raises ``ProjectError``."""
    if processes < 1 or nodes < 1 or not 0 <= node_rank < nodes:
        raise ProjectError(
            f"--processes {processes} --nodes {nodes} --node-rank {node_rank} is no team",
            where=WHERE,
            next_step="processes and nodes are 1 or more, and the nodes are numbered from 0",
        )
    if nodes > 1:
        place(main)
    elif main:
        raise ProjectError("--main is for several nodes", where=WHERE, next_step="say how many: --nodes 2")
    return Launch(node_rank * processes, processes * nodes, 0, processes, processes - 1, main)


def told(environ: MutableMapping[str, str]) -> Launch | None:
    """What a launcher says, taken out of the environment; None where there is none. Raises ``ProjectError``."""
    if "RANK" not in environ or "WORLD_SIZE" not in environ:
        return None
    words = {name: environ.pop(name, "") for name in SAID}
    try:
        rank, size = int(words["RANK"]), int(words["WORLD_SIZE"])
        local, here = int(words["LOCAL_RANK"] or rank), int(words["LOCAL_WORLD_SIZE"] or size)
    except ValueError:
        raise ProjectError(
            "RANK and WORLD_SIZE of the launcher are no numbers",
            where="environment",
            next_step="unset them, or start this with torchrun or accelerate",
        ) from None
    if size == 1:
        return None
    main = f"{words['MASTER_ADDR']}:{words['MASTER_PORT']}"
    place(main)
    return Launch(rank, size, local, here, 0, main, environ.get(HOSTED) == "True")


def place(main: str) -> tuple[str, int]:
    """Address and port. Raises ``ProjectError``."""
    address, _, port = main.rpartition(":")
    if not address or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ProjectError(
            f"{main or 'nothing'} is no place where several nodes can meet",
            where=WHERE,
            next_step="say --main ADDRESS:PORT of the first node on every node, such as --main 10.0.0.1:29500",
        )
    return address.strip("[]"), int(port)
