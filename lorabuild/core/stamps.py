"""Stamps: what the file system says of a file without reading it, and when that can't be trusted yet.

A stamp is racy while the file may still be changed within the same tick of the file system's clock: such a change would
leave no trace. "Now" is therefore asked from the file system (the time it gives a probe file), never from the computer.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Stat = Callable[[str | Path | int], os.stat_result]

_SECOND = 1_000_000_000
FINE = 20_000_000  # two ticks of a kernel at 100 Hz
COARSE = 2 * _SECOND  # FAT counts in steps of two seconds
FOREIGN = 60 * _SECOND  # another device may have another clock: that of a server


class Stamp(NamedTuple):
    """Size in bytes, times in nanoseconds; two equal stamps that are not racy mean equal bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class Now:
    """The file system's own time in nanoseconds, the device that it holds for and the width of one tick."""

    ns: int
    device: int
    tick: int


def stamp(found: os.stat_result) -> Stamp:
    """The stamp in a stat result."""
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def regular(found: os.stat_result) -> bool:
    """Whether a stat result is that of an ordinary file."""
    return stat.S_ISREG(found.st_mode)


def now(folder: Path) -> Now:
    """The time that the file system of a folder gives to a file written now. Raises OSError."""
    probe = folder / f".lorabuild-probe-{os.getpid():x}"
    opened = os.open(probe, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.write(opened, b"x")
        found = os.fstat(opened)
    finally:
        os.close(opened)
        probe.unlink(missing_ok=True)  # the store's writer may have swept it
    whole_seconds = found.st_mtime_ns % _SECOND == 0
    return Now(found.st_mtime_ns, found.st_dev, COARSE if whole_seconds else FINE)


def racy(mark: Stamp, at: Now) -> bool:
    """Whether a file may change after ``at`` without its stamp showing it.

    Source: git's "racy" index entries, with a margin of one tick.
    """
    margin = at.tick if mark.device == at.device else FOREIGN
    return max(mark.mtime_ns, mark.ctime_ns) >= at.ns - margin


def wait(at: Now) -> None:
    """Let one tick pass."""
    time.sleep(at.tick / _SECOND)
