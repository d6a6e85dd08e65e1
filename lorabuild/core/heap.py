"""The memory that a process has freed: kept for its next step on Linux, where fresh pages cost a fifth of it."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
NEVER, NONE = -1, 0


@cache
def keep() -> bool:
    """From now on freed memory stays with the process, also large pieces; whether the C library can do so.

    A training step on a CPU frees and takes gigabytes; by its own rule glibc hands them back to the system each time.
    """
    library = _glibc()
    return bool(library and library.mallopt(TRIM_THRESHOLD, NEVER) and library.mallopt(MMAP_MAX, NONE))


def keep_some(most: int = 32 << 20) -> bool:
    """From now on so many freed bytes stay with the process, and no more; whether the C library can do so."""
    library = _glibc()
    return bool(library and library.mallopt(TRIM_THRESHOLD, most) and library.mallopt(MMAP_THRESHOLD, 32 << 20))


def give_back() -> None:
    """Hand what is free now back to the system, if it was kept."""
    if keep.cache_info().currsize and (library := _glibc()):
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
