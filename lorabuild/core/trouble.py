"""What the machine says when it refuses – a file, memory – in a person's words and with the next step."""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lorabuild.core.errors import LorabuildError, StageError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK_FULL = ("the disk is full", "free some space and run the same command again; what is done is kept")
NOT_ALLOWED = ("permission denied", "make it readable and writable for you, then run the same command again")
READ_ONLY = ("the file system is read-only", "remount it writable or move the project to another disk")
LESS = "close what else takes memory, or lower device.batch or images.resolution"
_NO_MEMORY = re.compile("out of memory|allocate memory|not enough memory|_ALLOC_FAILED")
_QUOTA = ("your disk quota is used up", DISK_FULL[1])
_FILES = ("too many open files", "raise the limit (ulimit -n 4096) and run the same command again")

_ADVICE = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: _QUOTA,
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.EROFS: READ_ONLY,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EFBIG: ("it would be larger than a file may be here", "raise the limit (ulimit -f), or use another disk"),
    errno.EIO: ("the disk does not give the bytes", "look for disk errors, then run the same command again"),
}


# the machine's trouble and not a file's: what can't be read now may be read the next time, though nothing changes
_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, getattr(errno, "ESTALE", errno.EIO)}


def passing(error: OSError) -> bool:
    """Whether an error says nothing about the file, so that nothing may be concluded from it."""
    return error.errno in _MACHINE


@contextmanager
def trouble(doing: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an OSError into a StoreError: what can't be done, where, why, what to do next."""
    try:
        yield
    except OSError as error:
        raise _refused(doing, path, error) from error


def plainly(error: Exception) -> LorabuildError | None:
    """What to say of a refusal that nobody expected; None for an error that is none, but a mistake of ours."""
    if out_of_memory(error):
        return LorabuildError("there is not enough memory for that", next_step=LESS)
    if isinstance(error, OSError) and error.errno in _ADVICE:
        return _refused("go on", error.filename or "", error)
    return None


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the machine: each library and each device says it in its own words."""
    if isinstance(error, LorabuildError):
        return False
    kind = type(error).__name__
    return isinstance(error, MemoryError) or kind == "OutOfMemoryError" or bool(_NO_MEMORY.search(str(error)))


@contextmanager
def within_memory(where: str, next_step: str = LESS) -> Iterator[None]:
    """Turn running out of memory into a ``StageError``; work that is done stays."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise StageError("the memory ran out", where=where, next_step=next_step) from error


def _refused(doing: str, path: str | os.PathLike[str], error: OSError) -> StoreError:
    why, next_step = _ADVICE.get(error.errno or 0, (reason(error), ""))
    return StoreError(f"can't {doing}: {why}", where=printable(path), next_step=next_step)


def reason(error: OSError) -> str:
    """The system's own words for an error, without number and path."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def printable(path: str | os.PathLike[str]) -> str:
    """A file's name fit for any terminal and log: bytes that are no text and control characters are escaped."""
    name = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)
