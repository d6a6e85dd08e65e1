"""Steady reads: the bytes of a file at one moment, though somebody may be writing to it."""

from __future__ import annotations

import os
import time

from lorabuild.core.digest import descriptor_digest
from lorabuild.core.errors import LorabuildError
from lorabuild.core.stamps import Stamp, Stat, regular, stamp
from lorabuild.core.trouble import passing, printable, reason, trouble

# O_NONBLOCK: the path may have become a FIFO since it was listed, and opening that would wait for ever
_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class UnsteadyError(LorabuildError):
    """A file can't be read whole: it is gone, not readable, not an ordinary file, or it keeps changing."""


def steady_digest(path: str, look: Stat = os.stat, *, tries: int = 5, pause: float = 0.02) -> tuple[str, Stamp]:
    """The digest of a file's bytes and the stamp that they had. Read again while it changes.

    Raises UnsteadyError, and StoreError when it is the machine that can't read.
    """
    for attempt in range(tries):
        try:
            found = _once(path, look)
        except OSError as error:
            if passing(error):
                with trouble("read this file", path):
                    raise
            raise UnsteadyError(reason(error), where=printable(path)) from error
        if found is not None:
            return found
        time.sleep(pause * 2**attempt)
    raise UnsteadyError(
        "keeps changing while it is read",
        where=printable(path),
        next_step="let the program that writes it finish, then run the same command again",
    )


def _once(path: str, look: Stat) -> tuple[str, Stamp] | None:
    """One reading between three looks at the file; None when it was changed or replaced meanwhile."""
    opened = os.open(path, _OPEN)
    try:
        found = look(opened)
        if not regular(found):
            raise UnsteadyError("is not an ordinary file", where=printable(path))
        before = stamp(found)
        value = descriptor_digest(opened)
        after = stamp(look(opened))
    finally:
        os.close(opened)
    if before == after == stamp(look(path)):
        return value, after
    return None
