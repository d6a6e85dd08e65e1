"""What kind of machine this is, asked of it: processor, memory, room on its disks, the ways of a file system."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.files import sync_file
from lorabuild.core.mounts import foreign
from lorabuild.core.record import machine
from lorabuild.core.stamps import now
from lorabuild.core.trouble import reason

if TYPE_CHECKING:
    from collections.abc import Callable

_SECOND = 1_000_000_000
_ODD = 1_234_567_891  # nanoseconds: a time that only a fine clock can tell
_STEPS = (1e-9, 1e-7, 1e-6, 1e-3, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """How the file system under a folder behaves.

    Attributes:
        foreign: its kind (``nfs4``) where the files lie on another machine, or are shared with one; else empty.
        problem: why nothing can be written there; the rest is then unknown.
        step: seconds between two times that it can tell apart.
        ahead: seconds by which its clock is ahead of the computer's.
        ignores_case: whether ``A.png`` and ``a.png`` are one file.
        hard_links, links: whether they can be made.
        syncs: whether it can be asked to have bytes on the disk.
        locks: whether one process can lock out another.
    """

    foreign: str = ""
    problem: str = ""
    step: float = 0.0
    ahead: float = 0.0
    ignores_case: bool = False
    hard_links: bool = True
    links: bool = True
    syncs: bool = True
    locks: bool = True


def processor() -> str:
    """``Linux x86_64 Intel Xeon, 2 cores``: the kind of machine, and how many cores are ours."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{machine()}, {ours} core{'' if ours == 1 else 's'}"


def memory() -> int | None:
    """Bytes of memory; None where it isn't told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def available(meminfo: Path = Path("/proc/meminfo"), limits: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes of memory that a program may still take, within what its container allows; None where it isn't told."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = meminfo.read_text("ascii").splitlines()
        found.append(next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")))
    with suppress(OSError, ValueError):
        most, used = (int((limits / name).read_text("ascii")) for name in ("memory.max", "memory.current"))
        found.append(max(0, most - used))
    return min(found, default=None)


def room(folder: Path) -> tuple[int, int] | None:
    """Free bytes on the disk of a folder, and which disk it is; None when that can't be told."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free, folder.stat().st_dev
    except OSError:
        return None


def file_system(folder: Path) -> FileSystem:
    """Try out the file system of a folder, in a hidden folder of our own that is gone afterwards."""
    import tempfile

    kind = foreign(os.fspath(folder))
    try:
        with tempfile.TemporaryDirectory(prefix=".lorabuild-probe-", dir=folder) as name:
            return _tried(kind, Path(name))
    except OSError as error:
        return FileSystem(kind, problem=reason(error))


def watch_limits(system: Path = Path("/proc/sys/fs/inotify")) -> tuple[int, int] | None:
    """How many folders can be watched, and how many events wait in the queue; None where there are no such limits."""
    with suppress(OSError, ValueError):
        watches, queue = (int((system / name).read_text("ascii")) for name in ("max_user_watches", "max_queued_events"))
        return watches, queue
    return None


def _tried(kind: str, place: Path) -> FileSystem:
    probe = place / "probe"
    probe.write_bytes(b"x")
    at = now(place)
    ahead = (at.ns - time.time_ns()) / _SECOND
    os.utime(probe, ns=(_ODD, _ODD))
    return FileSystem(
        kind,
        step=_step(probe.stat().st_mtime_ns),
        ahead=ahead,
        ignores_case=(place / "PROBE").exists(),
        hard_links=_works(lambda: os.link(probe, place / "hard")),
        links=_works(lambda: (place / "link").symlink_to("probe")),
        syncs=_works(lambda: sync_file(probe)),
        locks=_works(lambda: _lock(place / "lock")),
    )


def _step(kept: int) -> float:
    """The width of the clock's steps in seconds, from what a file system has left of an odd time."""
    if kept == _ODD:
        return 1e-9
    return max(step for step in _STEPS if kept % round(step * _SECOND) == 0)


def _works(trial: Callable[[], object]) -> bool:
    try:
        trial()
    except (OSError, NotImplementedError):
        return False
    return True


def _lock(path: Path) -> None:
    """Hold a lock and see that it holds. Raises OSError when it doesn't."""
    from filelock import FileLock, Timeout

    with FileLock(path, thread_local=False):
        try:
            FileLock(path, thread_local=False).acquire(timeout=0)
        except Timeout:
            return
    raise OSError("two can hold one lock")
