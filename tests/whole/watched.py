"""A watch in a process of its own, followed by what it says."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

LONG = 60.0  # seconds that only a test waits for that fails

Said = dict[str, object]


class Watched:
    """``lorabuild watch --json``; everything it says is kept, and waited for no longer than ``LONG``."""

    def __init__(self, root: Path, *words: str, before: tuple[str, ...] = ()) -> None:
        command = [*before, sys.executable, "-m", "lorabuild", "-C", str(root), "watch", "--json", *words]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        )
        self.said: list[Said] = []
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)
        self.lines.put("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def hear(self, seconds: float = LONG) -> Said | None:
        """The next thing that it says; None when it says nothing for so long."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return None
        assert line, f"the watch has ended: {(self.process.stderr and self.process.stderr.read())}"
        self.said.append(json.loads(line))
        return self.said[-1]

    def until(self, wanted: Callable[[Said], bool]) -> list[Said]:
        """All that it says up to something; fails when that doesn't come in time."""
        heard: list[Said] = []
        end = time.monotonic() + LONG
        while not heard or not wanted(heard[-1]):
            event = self.hear(end - time.monotonic()) if time.monotonic() < end else None
            assert event is not None, f"not said in time; last: {self.said[-5:]}"
            heard.append(event)
        return heard

    def idle(self) -> list[Said]:
        """All that it says until it has nothing more to do."""
        return self.until(lambda event: event["event"] == "watch_idle")

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """End it; exit code and stderr."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, err


def kinds(heard: list[Said], kind: str) -> list[Said]:
    """What was said of one kind."""
    return [event for event in heard if event["event"] == kind]


def ran(heard: list[Said]) -> list[tuple[list[str], dict[str, int]]]:
    """What changed and stage → how many items ran, for every build."""
    found = []
    for event in heard:
        if event["event"] == "change":
            changed = event["paths"]
        elif event["event"] == "done":
            found.append((changed, {stage: row["ran"] for stage, row in event["stages"].items() if row["ran"]}))
    return found
