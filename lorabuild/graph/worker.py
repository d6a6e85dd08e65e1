"""A process that helps another one to train: it reads what is to be done, does its share, and writes nothing.

As a program, ``python -m lorabuild.graph.worker ROOT JOB LAUNCH NUMBER`` (LAUNCH is JSON); the training starts it so.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lorabuild.core.blobs import large
from lorabuild.core.digest import digest
from lorabuild.core.errors import BlobError, LorabuildError
from lorabuild.core.item import Item
from lorabuild.core.launch import Launch
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE = "lorabuild.stages.train"


@dataclass(frozen=True, slots=True)
class Lent:
    """The store of another process, to read from: large blobs where they lie, small ones from the job's file.

    No database is opened: it may lie on another machine's disk.
    """

    folder: Path
    small: Mapping[str, str]

    def read(self, name: str) -> bytes:
        """The bytes of a blob, verified. Raises ``BlobError``."""
        held = self.small.get(name)
        try:
            data = bytes.fromhex(held) if held is not None else large(self.folder.parents[1], name).read_bytes()
        except OSError as error:
            raise BlobError(f"the blob {name} can't be read: {error.strerror}") from error
        if digest(data) != name:
            raise BlobError(f"the blob {name} is damaged")
        return data

    def scratch(self, _key: str) -> Path:
        """The item's private folder."""
        return self.folder

    def write(self, _data: bytes) -> NoReturn:
        """A helper writes nothing."""
        raise AssertionError("only the first process writes")

    done = aside = write


def follow(root: Path, job: Path, launch: Launch, number: int) -> None:
    """Do this process's share of a job. Raises ``LorabuildError`` where a stage would."""
    told = json.loads(job.read_bytes())
    project = Project.model_validate_json(told["project"], strict=True)
    item = Item(told["item"]["id"], told["item"]["key"], {}, told["item"]["reads"])
    site, outputs = Site(project, root, launch=launch), Lent(job.parent, told["small"])
    if launch.size == 1:
        import_module(STAGE).beside(item, site, outputs)
    else:
        import_module(STAGE).follow(item, site, outputs, job, number, told["step"])


def wait(root: Path, launch: Launch) -> None:
    """What a launcher's other processes do: whatever the first one says, until it says that all is done."""
    from lorabuild.training.crew import END, post

    office = post(launch)
    while (heard := office.hear())[1] != END:
        follow(root, root / heard[1], launch, heard[0])


def main(words: list[str]) -> int:
    """The program; its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that leads
    threading.Thread(target=_leave_with_leader, daemon=True).start()
    root, job, launch, number = words
    try:
        follow(Path(root), Path(job), Launch(**json.loads(launch)), int(number))
    except LorabuildError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return error.exit_code
    return 0


def _leave_with_leader() -> None:
    """The leader holds our input open as long as it lives."""
    while os.read(0, 1):  # not through sys.stdin: at the end Python would wait for its lock
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # nothing is left to write, and torch's threads may abort a Python that ends around them
