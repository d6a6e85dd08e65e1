"""The processes that help to train: started where they are wanted, told by a file what to do, ended with their leader.

The leader is the process that builds. What the others need is a JSON file in the item's private folder; nothing is
pickled. On one machine they meet in a file and talk over loopback; several nodes, and the processes of a launcher, meet
at an address and see the same project folder.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed import FileStore, PrefixStore, TCPStore  # type: ignore[attr-defined]

import lorabuild
from lorabuild.core.blobs import large
from lorabuild.core.errors import BlobError, ProjectError, StageError
from lorabuild.core.files import write_atomic
from lorabuild.core.launch import Launch, place
from lorabuild.training.state import State
from lorabuild.training.together import ALONE, PATIENCE, LostError, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.distributed.distributed_c10d import Store

    from lorabuild.training.moving import Moving
    from lorabuild.training.together import Team

WORKER = "lorabuild.graph.worker"
JOB, MEETING = "team.json", "team.meeting"
PAUSE, LAST_WORDS = 0.2, 20.0
END = "end"
DIGEST = re.compile("b3:[0-9a-f]{64}")


class Follower(State):
    """How far a helper is: read like the leader's, and never written."""

    __slots__ = ()

    def save(self, _moving: Moving) -> None:
        """The leader does it."""

    def keep(self, _name: str, _moving: Moving) -> None:
        """The leader does it."""


class Post:
    """Where the first process leaves word for those that a launcher or another node started."""

    def __init__(self, launch: Launch) -> None:
        """Open it, or find it. Raises ``StageError`` when nobody answers there."""
        address, port = place(launch.main)
        first = launch.rank == 0 and not launch.hosted
        try:
            whole = TCPStore(address, port, None, first, PATIENCE, wait_for_workers=False)
        except RuntimeError as error:
            raise StageError(f"the processes can't meet at {launch.main}: {error}", where="--main") from error
        self.store = PrefixStore("lorabuild", whole)
        self.said = self.heard = 0
        self.others = launch.size // max(launch.starts + 1, 1) - 1

    def say(self, word: str) -> int:
        """Leave a word; its number."""
        self.said += 1
        self.store.set(f"word {self.said}", word)
        return self.said

    def hear(self) -> tuple[int, str]:
        """The next word and its number, however long it takes. Raises ``RuntimeError`` when the first one is gone."""
        self.heard += 1
        name = f"word {self.heard}"
        while not self.store.check([name]):
            time.sleep(PAUSE)
        word = self.store.get(name).decode()
        if word == END:
            self.store.add("ended", 1)
        return self.heard, word

    def dismiss(self) -> None:
        """Nothing more is to be done; leaves when all have heard it, or soon."""
        self.say(END)
        until = time.monotonic() + LAST_WORDS
        while self.store.add("ended", 0) < self.others and time.monotonic() < until:
            time.sleep(PAUSE)


@cache
def post(launch: Launch) -> Post:
    """The one post of this process."""
    return Post(launch)


@contextmanager
def led(launch: Launch, device: torch.device, root: Path, folder: Path) -> Iterator[Team]:
    """The whole team at the job that is written down, led by this process; afterwards its helpers have ended.

    Args:
        launch: who takes part.
        device: what this process trains on.
        root: the project's folder.
        folder: the item's private folder.

    Raises:
        StageError: a helper was lost, with the last that it said.
    """
    if launch.size == 1:
        yield ALONE
        return
    take_device(launch, device)
    (folder / MEETING).unlink(missing_ok=True)
    number = post(launch).say((folder / JOB).relative_to(root).as_posix()) if launch.main else 0
    meeting = _meeting(launch, folder, number)
    with _helpers(launch, root, folder / JOB, number) as watch, joined(meeting, 0, launch.size, device, watch) as team:
        yield team


def gpus() -> int:
    """How many CUDA devices there are."""
    return torch.cuda.device_count()


def small(told: Any, folder: Path, read: Callable[[str], bytes]) -> dict[str, str]:
    """Those of the blobs that are named anywhere in ``told`` which are no files beside the item's folder, in hex."""
    store = folder.parents[1]
    found = {}
    for name in {*_names(told)}:
        if not large(store, name).is_file():
            with suppress(BlobError):  # what is no blob (a key, a digest of pixels) is not missed
                found[name] = read(name).hex()
    return found


def _names(told: Any) -> Iterator[str]:
    """Every digest in JSON-able values."""
    if isinstance(told, str) and DIGEST.fullmatch(told):
        yield told
    elif isinstance(told, Mapping | list | tuple):
        for entry in told.values() if isinstance(told, Mapping) else told:
            yield from _names(entry)


def write_job(folder: Path, job: Mapping[str, Any]) -> Path:
    """Write down what is to be done; where."""
    write_atomic(folder / JOB, json.dumps(job).encode())
    return folder / JOB


@contextmanager
def followed(launch: Launch, device: torch.device, root: Path, job: Path, number: int) -> Iterator[Team]:
    """The team at the job of this number, as a helper; one that leads a node starts the others there."""
    take_device(launch, device)
    meeting = _meeting(launch, job.parent, number)
    rank, size = launch.rank, launch.size
    with _helpers(launch, root, job, number) as watch, joined(meeting, rank, size, device, watch) as team:
        yield team


def take_device(launch: Launch, device: torch.device) -> None:
    """Each process of a machine takes its own GPU. Raises ``ProjectError`` where there are too few."""
    if device.type == "cpu" or launch.here == 1:
        return
    found = torch.cuda.device_count() if device.type == "cuda" else 1
    if launch.here > found:
        raise ProjectError(
            f"{launch.here} processes are asked for, and this machine has {found} device{'s' if found > 1 else ''}",
            where="--processes",
            next_step=f"say --processes {found}, or --device cpu",
        )
    if device.type == "cuda":
        torch.cuda.set_device(launch.local)


def _meeting(launch: Launch, folder: Path, number: int) -> Store:
    """Where the team of a job finds together."""
    if launch.main:
        store: Store = PrefixStore(f"team {number}", post(launch).store)
    else:
        store = FileStore(str(folder / MEETING), launch.size)
    return store


@contextmanager
def _helpers(launch: Launch, root: Path, job: Path, number: int) -> Iterator[Callable[[], None]]:
    """The other processes of this machine, where it is for this one to start them; none outlives the job.

    Gives what raises ``LostError`` when one of them has ended.
    """
    places = (replace(launch, rank=launch.rank + n, local=n, starts=0) for n in range(1, launch.starts + 1))
    helpers = [Helper(place, root, job, number) for place in places]

    def watch() -> None:
        for said in filter(None, (helper.lost() for helper in helpers)):
            raise _lost(said)

    try:
        yield watch
        for helper in helpers:
            helper.finish()  # how it ends is its own affair: its share is in the sums
    except LostError as error:
        time.sleep(PAUSE)  # it may still be about to say why
        said = next(filter(None, (helper.lost() for helper in helpers)), error.what)
        raise _lost(said) from error
    finally:
        for helper in helpers:
            helper.end()


def _lost(said: str) -> LostError:
    return LostError(said, where="training", next_step="`lorabuild` goes on from the last state that was saved")


class Helper:
    """One process beside this one; it ends by itself when this one is gone, for then its input closes."""

    def __init__(self, launch: Launch, root: Path, job: Path, number: int) -> None:
        """Start it on the job of this number."""
        self.launch, self.log = launch, job.with_name(f"team-{launch.rank}.log")
        words = [str(root), str(job), json.dumps(asdict(launch)), str(number)]
        away = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}  # from our Ctrl-C
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", WORKER, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=Path(lorabuild.__file__).parents[1],  # not the project: Python would import what lies there
                **away,
            )

    def finish(self) -> None:
        """Give it time to end by itself."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_WORDS)

    def lost(self) -> str | None:
        """How it ended, in a sentence; None while it runs."""
        code = self.process.poll()
        if not code:
            return None
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        said = f": {lines[-1]}" if lines else ""
        return f"process {self.launch.rank + 1} of the {self.launch.size} that train {how}{said}"

    def end(self, *, gently: bool = False) -> None:
        """Make sure that it is gone; ``gently`` leaves it the time to save what it has."""
        if gently and self.process.poll() is None:
            self.process.terminate()
            self.finish()
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
