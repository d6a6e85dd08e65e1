"""The claim: the one writer's lock on a store. The system lets go of it when the process ends, however it ends."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lorabuild.core.errors import BusyError
from lorabuild.core.oslock import OSLock
from lorabuild.core.trouble import printable, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def claim(folder: Path, *, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the store in a folder as its only writer.

    While another process has it: waits for it, having said so, or raises BusyError when ``wait`` is false.
    """
    lock = OSLock(folder / "lock")
    with trouble("lock the store", folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not lock.take(wait=False):
            if not wait:
                raise _busy(folder)
            say(f"{_holder(folder)} is building here; waiting for it to finish (Ctrl-C to give up)")
            lock.take(wait=True)
    try:
        _settle_in(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / "holder").unlink()
        lock.free()


def holder(folder: Path) -> str:
    """Who holds the store now, in a person's words; empty when nobody does. Changes nothing."""
    if not (folder / "lock").exists():
        return ""
    with trouble("look at the store's lock", folder):
        lock = OSLock(folder / "lock")
        if not lock.take(wait=False):
            return _holder(folder)
        lock.free()
    return ""


def _settle_in(folder: Path) -> None:
    """Say who holds the lock, and sweep what a killed writer left half written: only the holder writes there."""
    with trouble("lock the store", folder):
        (folder / "holder").write_text(str(os.getpid()), encoding="ascii")
        for name in (folder / "tmp").glob("*"):
            name.unlink()


def _busy(folder: Path) -> BusyError:
    return BusyError(
        f"{_holder(folder)} is building here",
        where=printable(folder),
        next_step="wait until it has finished, or leave out --no-wait to wait for it",
    )


def _holder(folder: Path) -> str:
    """Who has the lock, as far as it is known: the note may be that of a process that was killed."""
    try:
        return f"another lorabuild (process {int((folder / 'holder').read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return "another lorabuild"
