"""A process that has imported what a build needs, and forks: a build begins at once and can be killed like any other.

with Warm("lorabuild.stages.scan") as warm:
    run = warm.build(project_folder, "balance", kill_after=0.2)
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


_CAPABILITIES = 0x20080522  # version 3 of capset(2)
_READ_AND_WRITE_ALL = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@dataclass(frozen=True)
class Run:
    """One build: its exit code (minus the signal that ended it), its events, its stderr, its wall time."""

    code: int
    said: list[dict[str, Any]]
    text: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.said if event["event"] == kind]


class Warm:
    """The helper process, and the way to ask it for builds. It has one thread, so that it may fork."""

    def __init__(self, *modules: str) -> None:
        command = [sys.executable, __file__, *modules]
        env = os.environ | ONE_THREAD | {"OMP_WAIT_POLICY": "PASSIVE"}
        self.helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def build(
        self, root: Path, *words: str, kill_after: float | None = None, by: int = signal.SIGKILL, **limits: int
    ) -> Run:
        """``lorabuild -C root build --json WORDS`` in its own process.

        Args:
            root: the project's folder.
            words: what else is said.
            kill_after: the process is sent a signal after so many seconds.
            by: the signal.
            limits: resources that it has no more of: ``NOFILE=9``, ``FSIZE=4096``.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            for path in (out, err):  # here: a process that is killed at once makes none
                path.touch()
            argv = ["-C", os.fspath(root), "build", "--json", *words]
            asked = {"argv": argv, "out": os.fspath(out), "err": os.fspath(err), "after": kill_after, "by": int(by)}
            asked["limits"] = limits
            print(json.dumps(asked), file=self.helper.stdin, flush=True)
            code, seconds = json.loads(self.helper.stdout.readline())
            lines = out.read_text("utf-8").splitlines(keepends=True)
            said = [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be cut off
            return Run(code, said, err.read_text("utf-8"), seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.helper.stdin.close()
        self.helper.wait()
        self.helper.stdout.close()


def serve(modules: list[str]) -> None:
    """The helper's side: a line asks, a line answers."""
    for name in ["lorabuild.cli.build", *modules]:
        importlib.import_module(name)
    for line in sys.stdin:
        begun = time.monotonic()
        print(json.dumps([forked(json.loads(line)), time.monotonic() - begun]), flush=True)


def forked(asked: dict[str, Any]) -> int:
    """Fork, build in the child, send it the signal when its time has come; the exit code."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(command_line(asked))
    os.close(theirs)
    ended, _, _ = select.select([ours], [], [], asked["after"])  # the child has the other end as long as it lives
    if not ended:
        os.kill(child, asked["by"])
    _, status = os.waitpid(child, 0)
    os.close(ours)
    return os.waitstatus_to_exitcode(status)


def command_line(asked: dict[str, Any]) -> int:
    """The child's side: the real command line, with its output in files."""
    import resource

    from lorabuild.cli.main import main

    obey_permissions()
    for name, channel in (("out", 1), ("err", 2)):
        opened = os.open(asked[name], os.O_WRONLY)
        os.dup2(opened, channel)
        os.close(opened)
    for name, most in asked["limits"].items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    code = main(asked["argv"])
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def obey_permissions() -> None:
    """Give up root's right to read and write whatever the permissions say (Linux; nobody else has it)."""
    if sys.platform == "linux" and os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header, held = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
        assert libc.capget(header, held) == 0
        for place in range(3):  # effective, permitted, inheritable
            held[place] &= ~_READ_AND_WRITE_ALL
        assert libc.capset(header, held) == 0


if __name__ == "__main__":
    sys.path[:0] = [os.fspath(Path(__file__).parents[2])]
    serve(sys.argv[1:])
