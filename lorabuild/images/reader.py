"""A process that reads pictures for another one. It asks for room, answers, and ends when its leader has gone.

As a program, ``python -m lorabuild.images.reader``: the first value on its input is the work, a function; every further
one is something to do it with, or the leave to take the room that was asked for.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from lorabuild.core import heap
from lorabuild.images import room
from lorabuild.images.frames import receive, send

if TYPE_CHECKING:
    from collections.abc import Iterator

READY, ROOM, DONE, RAISED = "ready", "room", "done", "raised"
FULL = 12  # how it ends when it has no memory left
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Work until the leader has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that leads
    for name in _ONE_THREAD:
        os.putenv(name, "1")  # before numpy comes with the work
    heap.keep_some()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    heard: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(os.fdopen(os.dup(0), "rb"), heard), daemon=True).start()
    room.asked = _Asking(heard, answers)
    work = heard.get()
    send(answers, (READY, None))
    while True:
        one = heard.get()
        try:
            said = DONE, work(one)
        except MemoryError:
            os._exit(FULL)
        except Exception as error:  # noqa: BLE001 - raised again where it was asked
            said = RAISED, error
        send(answers, said)


def _listen(pipe: BinaryIO, heard: SimpleQueue[Any]) -> None:
    """Take in what is said, also while a picture is read; nobody reads for a leader that has gone."""
    try:
        while True:
            heard.put(receive(pipe))
    finally:
        os._exit(0)


class _Asking:
    """The room of the leader. It is given back there, when the answer has come."""

    def __init__(self, heard: SimpleQueue[Any], answers: BinaryIO) -> None:
        self._heard, self._answers = heard, answers

    @contextmanager
    def held(self, pixels: int) -> Iterator[None]:
        """Room for so many pixels."""
        if pixels > room.FREE:
            send(self._answers, (ROOM, pixels))
            self._heard.get()
        yield


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(1)  # not through Python's end, which would wait for the thread that listens
