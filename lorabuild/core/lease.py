"""Leases: what a long reader needs is left alone by gc. The system ends a lease with its process, however that ends.

A lease is a note in ``leases/`` that names blobs, and a locked file beside it. Leases are taken, and read by gc, behind
one gate: gc holds it until it has swept, so that no lease comes between its looking and its removing.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from filelock import BaseFileLock

FOLDER = "leases"
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def lease(folder: Path, digests: Iterable[str]) -> Iterator[None]:
    """Keep these blobs in the store while a reader needs them. Look whether they are there once this is held.

    Where there is no store, or one that may only be read, there is nothing to hold.
    """
    with trouble("take a lease on the store", folder):
        held = _take(folder, digests) if folder.is_dir() else None
    try:
        yield
    finally:
        if held:
            _drop(held)


@contextmanager
def closed(folder: Path) -> Iterator[set[str]]:
    """The blobs under lease, for the one who sweeps: no lease is taken while this is held; dead ones are removed."""
    with ExitStack() as gate:
        with trouble("look at the leases", folder):
            gate.enter_context(_gate(folder))
            held, dead = _read(folder)
            for note in dead:
                note.unlink(missing_ok=True)
                note.with_suffix(".lock").unlink(missing_ok=True)
        yield held


def leased(folder: Path) -> tuple[set[str], int]:
    """The blobs under lease now, and how many leases are dead; changes nothing."""
    with trouble("look at the leases", folder):
        held, dead = _read(folder)
    return held, len(dead)


def _take(folder: Path, digests: Iterable[str]) -> tuple[BaseFileLock, Path] | None:
    from filelock import FileLock

    note = folder / FOLDER / f"{os.getpid():x}-{time.monotonic_ns():x}.lease"
    try:
        with _gate(folder):
            lock = FileLock(note.with_suffix(".lock"), thread_local=False)
            lock.acquire(timeout=0)
            note.write_text("".join(f"{digest}\n" for digest in digests), encoding="ascii")
    except OSError as error:
        if error.errno in _NOT_OURS:
            return None
        raise
    return lock, note


def _drop(held: tuple[BaseFileLock, Path]) -> None:
    lock, note = held
    with suppress(OSError):
        note.unlink(missing_ok=True)
    lock.release()
    with suppress(OSError):  # gone before it is locked again: every lease has a name of its own
        note.with_suffix(".lock").unlink(missing_ok=True)


def _gate(folder: Path) -> BaseFileLock:
    from filelock import FileLock

    (folder / FOLDER).mkdir(exist_ok=True)
    return FileLock(folder / FOLDER / "gate", thread_local=False, poll_interval=0.02)


def _read(folder: Path) -> tuple[set[str], list[Path]]:
    """What live leases name, and the notes of dead ones."""
    held: set[str] = set()
    dead: list[Path] = []
    for note in sorted((folder / FOLDER).glob("*.lease")):
        if _lives(note):
            with suppress(FileNotFoundError):  # its reader has just finished
                held |= set(note.read_text(encoding="ascii").split())
        else:
            dead.append(note)
    return held, dead


def _lives(note: Path) -> bool:
    """Whether somebody holds the lock of a lease."""
    from filelock import FileLock, Timeout

    place = note.with_suffix(".lock")
    lock = FileLock(place, thread_local=False)
    if not place.exists():
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
