"""The journal of a build: what it says, as JSON lines in the store, so that another process can follow it.

It begins anew with every build and is only ever added to: its first line tells one build from another.
"""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from lorabuild.core.errors import LorabuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from lorabuild.core.events import Emit, Event

NAME = "events.jsonl"
KINDS = ("stage", "progress", "aside", "note", "warning", "picture", "beside", "stage_done", "done", "error")
LEFT_OUT = ("reasons", "path")  # long, and of no use to who only watches
PAUSE, GROWTH = 0.25, 0.0005  # seconds between two lines of progress; a long stage speaks less often
MOST = 1 << 22  # bytes that are read at a look
_OURS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_HOW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _OURS
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | _OURS


class Journal:
    """A sink that passes every event on and writes down what a watcher wants to know of it.

    To be opened by the holder of the store's claim. A journal that can't be written is given up: the build goes on.
    """

    def __init__(self, folder: Path, emit: Emit, stages: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        self.path, self.emit, self.stages, self.clock = folder / NAME, emit, stages, clock
        self.opened = -1
        self.begun = self.said = 0.0

    def __enter__(self) -> Self:
        """Begin anew."""
        self.begun = self.clock()
        with suppress(OSError):
            self.opened = os.open(self.path, _HOW, 0o666)
        self._line({"event": "begun", "build": f"{time.time_ns():x}-{os.getpid():x}", "stages": [*self.stages]})
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Say how it ended, where it did not end well."""
        if error is not None:
            text = str(error) if isinstance(error, LorabuildError) else ""
            self._line({"event": "error", "stopped": isinstance(error, KeyboardInterrupt), "text": text})
        self._close()

    def __call__(self, event: Event) -> None:
        """Pass an event on, and write it down."""
        self.emit(event)
        self.write(event)

    def write(self, event: Event) -> None:
        """Write an event down without passing it on."""
        if event.kind not in KINDS or (event.kind == "progress" and not self._worth(event.data)):
            return
        if event.kind == "stage":
            self.begun, self.said = self.clock(), 0.0
        told = {word: value for word, value in event.data.items() if word not in LEFT_OUT}
        self._line({"event": event.kind, "stage": event.stage, **told})

    def _worth(self, data: dict[str, Any]) -> bool:
        now = self.clock()
        if data["done"] != data["total"] and now - self.said < max(PAUSE, GROWTH * (now - self.begun)):
            return False
        self.said = now
        return True

    def _line(self, told: dict[str, Any]) -> None:
        if self.opened < 0:
            return
        try:
            line = json.dumps({**told, "at": round(self.clock(), 2)}, allow_nan=False)
            os.write(self.opened, line.encode("ascii") + b"\n")
        except ValueError:  # a loss that is no number: it has no place on a curve
            pass
        except OSError:
            self._close()

    def _close(self) -> None:
        if self.opened >= 0:
            with suppress(OSError):
                os.close(self.opened)
            self.opened = -1


class Tail:
    """Follows a journal: every call answers with what was added since the last one, from the first build on.

    The file is opened for each look, so that nobody stands in a writer's way, and a build that began anew is noticed.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.first, self.place = folder / NAME, b"", 0

    def __call__(self) -> list[dict[str, Any]]:
        """The new events, whole lines only; a build's first is ``begun`` (build, stages)."""
        try:
            with open(os.open(self.path, _READ), "rb") as file:  # noqa: PTH123 – no link, no pipe
                first = file.readline(MOST) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
                if not first.endswith(b"\n"):
                    return []
                if first != self.first:
                    self.first, self.place = first, 0
                file.seek(self.place)
                data = file.read(MOST)
        except OSError:
            return []
        whole = data if len(data) == MOST and b"\n" not in data else data[: data.rfind(b"\n") + 1]
        self.place += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line))]


def _event(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is no line of a journal."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and said.get("event") in ("begun", *KINDS) else None
