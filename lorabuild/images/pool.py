"""Working on several pictures at once, answers in the order asked: in threads, and in processes where that pays.

A process of its own takes the interpreter away from nobody, and what a hostile file does to its decoder happens there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from signal import Signals
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import lorabuild
from lorabuild.core.ahead import ahead
from lorabuild.core.events import Event, silent
from lorabuild.images import room
from lorabuild.images.frames import receive, send
from lorabuild.images.reader import FULL, RAISED, ROOM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lorabuild.core.events import Emit
    from lorabuild.images.decode import UnreadableError

MOST_WORKERS = 8
LOOKS = 3  # pictures that are read here to see how long one takes, after the first, which loads its decoder
PAYS = 0.5  # seconds of work that is left from which on processes are started: one takes 0.12 s to come up
PATIENCE = 5.0  # seconds for a process that has closed its pipe to be gone

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def in_order(
    work: Callable[[Asked], Answer],
    asked: Sequence[Asked],
    workers: int | None = None,
    batch: int = 1,
    emit: Emit = silent,
    stage: str = "",
) -> Iterator[tuple[Asked, Answer | UnreadableError]]:
    """Each thing asked with its answer, in the same order; an error stops what has not begun.

    At most two per worker are under way, and where the caller takes a ``batch`` of them at a time, one batch more. A
    picture that ends the process that reads it, and another one that has all the room to itself, is unreadable.

    Args:
        work: a function that another process finds by its name, or a ``partial`` of one with what it is to know.
        asked: all that is asked: how much is left decides whether processes are started.
        workers: how many work at once; by default one a core, but not too many.
        batch: how many the caller takes at a time.
        emit: the sink for notes on processes that were lost.
        stage: who asks.
    """
    workers = workers or min(os.cpu_count() or 1, MOST_WORKERS)
    crew = _Crew(work, len(asked), workers)
    try:
        for answered in ahead(crew.do, asked, 2 * workers - 2 + batch, workers):
            while crew.notes:
                emit(Event("note", stage, {"code": "readers", "text": crew.notes.popleft()}))
            yield answered
    finally:
        crew.end()


def plain(settings: Any) -> Any:
    """A section of the settings without pydantic, which a process that reads pictures doesn't load."""
    if not hasattr(settings, "model_fields_set"):
        return settings
    return SimpleNamespace(**{name: plain(value) for name, value in vars(settings).items()})


class _Crew(Generic[Asked, Answer]):
    """Where the threads bring their work: it is done here while there is little of it, else in processes."""

    def __init__(self, work: Callable[[Asked], Answer], total: int, workers: int) -> None:
        self.work, self.total, self.workers = work, total, workers
        self.seen, self.looks, self.notes = 0, deque[float](maxlen=2 * LOOKS), deque[str]()
        self.lock, self.over = threading.Lock(), False
        self.begun, self.idle, self.all = 0, list[_Process](), list[_Process]()

    def do(self, one: Asked) -> Answer | UnreadableError:
        """The answer, or why no process can read a picture; raises what the work raises."""
        process = self._free()
        if process is None:
            return self._looked(one)
        try:
            return self._asked(process, one)
        except _GoneError as error:
            first = str(error)
            self.notes.append(f"a process that reads pictures {first}; another one goes on")
        try:
            with room.whole.held(room.whole.most):
                return self._asked(self._another(), one, alone=True)
        except _GoneError as error:
            from lorabuild.images.decode import UnreadableError

            self.begun -= 1
            what = f"the process that reads it {first}, and the next one {error}; save it anew, or scaled down"
            return UnreadableError(what)

    def end(self) -> None:
        """End every process."""
        with self.lock:
            self.over = True
        for process in self.all:
            process.end()

    def _free(self) -> _Process | None:
        """A process that has nothing to do; None where the work is done here, also while processes come up."""
        with self.lock:
            if self.idle:
                return self.idle.pop()
            if self.begun < self.workers and self._pays():
                self.begun += 1
                threading.Thread(target=self._join, daemon=True).start()
        return None

    def _pays(self) -> bool:
        """Whether what is left is more than the start of processes."""
        looks = list(self.looks)
        return len(looks) >= LOOKS and sum(looks) / len(looks) * (self.total - self.seen) > PAYS

    def _join(self) -> None:
        try:
            self.idle.append(self._another())
        except _GoneError as error:
            if not self.over:
                self.notes.append(f"a process that reads pictures {error}; this one reads them")

    def _another(self) -> _Process:
        """Another process, ready to be asked. Raises ``_GoneError``."""
        with self.lock:
            if self.over:
                raise _GoneError("is not needed any more")
            try:
                process = _Process()
            except OSError as error:
                raise _GoneError(f"can't be started ({error.strerror})") from error
            self.all.append(process)
        process.begin(self.work)
        return process

    def _asked(self, process: _Process, one: Asked, *, alone: bool = False) -> Answer:
        answer: Answer = process.ask(one, alone=alone)
        self.idle.append(process)
        return answer

    def _looked(self, one: Asked) -> Answer:
        begun = time.thread_time()
        answer = self.work(one)
        if self.seen:
            self.looks.append(time.thread_time() - begun)
        self.seen += 1
        return answer


class _GoneError(Exception):
    """A process that reads pictures is no more; its text says how it ended."""


class _Process:
    """A process that reads pictures, seen from the one that it reads for; it ends by itself when that one is gone."""

    def __init__(self) -> None:
        """Start it. Raises OSError."""
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "lorabuild.images.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(lorabuild.__file__).parents[1],  # not the project: Python would import what lies there
            start_new_session=True,  # away from our Ctrl-C, as the flag is for Windows
            creationflags=0x200 if sys.platform == "win32" else 0,
        )

    def begin(self, work: Callable[[Any], Any]) -> None:
        """Tell it what it is to do, and wait until it has loaded what that takes. Raises ``_GoneError``."""
        self._said(work)

    def ask(self, one: Any, *, alone: bool = False) -> Any:
        """Its answer; raises what the work raises, and ``_GoneError``. With ``alone`` all the room is its own."""
        held = 0
        try:
            kind, said = self._said(one)
            while kind == ROOM:
                if not (held or alone):  # what has some gets more, or two would wait for each other
                    room.whole.take(said)
                    held = said
                kind, said = self._said(None)
        finally:
            room.whole.give(held)
        if kind == RAISED:
            raise said
        return said

    def _said(self, one: Any) -> tuple[str, Any]:
        """What it answers to a value."""
        pipe, answers = self._popen.stdin, self._popen.stdout
        assert pipe
        assert answers
        try:
            send(pipe, one)
            kind, said = receive(answers)
        except (OSError, EOFError, ValueError) as error:  # ValueError: we have closed it
            raise _GoneError(self.end(PATIENCE)) from error
        return kind, said

    def end(self, patience: float = 0.0) -> str:
        """Make sure that it is gone, after so many seconds; how it ended."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(patience)
        self._popen.kill()
        for pipe in (self._popen.stdin, self._popen.stdout):
            with suppress(OSError):
                assert pipe
                pipe.close()
        return _how(self._popen.wait())


def _how(code: int) -> str:
    if code == FULL:
        return "ran out of memory"
    if code < 0:
        return f"was ended by {Signals(-code).name}"
    return f"ended with {code if code < 1 << 16 else hex(code)}"
