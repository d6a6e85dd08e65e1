"""Blobs: bytes under the name of their digest. Small ones stand in the database, large ones are files.

A large blob is written to ``tmp/``, synced and moved to ``blobs/ab/cdef…`` before the database names it. Every read is
verified; a damaged blob is put aside, so that what it belonged to is made again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from lorabuild.core.digest import digest, file_digest
from lorabuild.core.errors import BlobError
from lorabuild.core.files import sync_files, write_plain
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lorabuild.core.database import Database

SMALL = 16 << 10
_PAGE = 256
_READ_ONLY = 0o444


def large(folder: Path, name: str) -> Path:
    """Where a large blob of the store in a folder lies."""
    text = name.removeprefix("b3:")
    return folder / "blobs" / text[:2] / text[2:]


class Blobs:
    """The blobs of one store. What was written but not yet settled is readable here and nowhere else."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database
        self.pending: dict[str, bytes | int] = {}

    def path(self, name: str) -> Path:
        """Where a large blob lies."""
        return large(self.folder, name)

    def write(self, data: bytes) -> str:
        """Take bytes in; ``settle`` makes them last."""
        name = digest(data)
        with self.database.lock:
            # a small one is written sooner than it is looked up
            if name not in self.pending and (len(data) <= SMALL or not self._intact(name)):
                self.pending[name] = bytes(data) if len(data) <= SMALL else self._write_loose(name, data)
        return name

    def has(self, name: str) -> bool:
        """Whether a blob is there, with the right size; its bytes are verified when they are read."""
        return name in self.pending or not self.missing([name])

    def missing(self, names: Iterable[str]) -> set[str]:
        """Those of the blobs that are not there, or have the wrong size. Opens no file."""
        wanted = {bytes.fromhex(name[3:]): name for name in names if name not in self.pending}
        gone = dict(wanted)
        # data IS NOT NULL spares reading the bytes of small blobs
        sql = "SELECT digest, size, data IS NOT NULL FROM blobs WHERE digest IN (?)"
        for chunk in self.database.rows_in(sql, wanted):
            for raw, size, small in chunk:
                if small or self._size(wanted[raw]) == size:
                    del gone[raw]
        return set(gone.values())

    def read(self, name: str) -> bytes:
        """The bytes of a blob, verified. Raises BlobError, once the blob is out of the way."""
        data = self._bytes(name)
        if data is None:
            raise _lost(name, "is not in the store")
        if digest(data) != name:
            self.quarantine(name)
            raise _lost(name, "is damaged")
        return data

    def read_each(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many blobs in this order, verified; small ones are asked for together."""
        sql = "SELECT digest, data FROM blobs WHERE data IS NOT NULL AND digest IN (?)"
        for start in range(0, len(names), _PAGE):
            page = {name: bytes.fromhex(name[3:]) for name in names[start : start + _PAGE]}
            held = {raw: data for rows in self.database.rows_in(sql, page.values()) for raw, data in rows}
            for name in names[start : start + _PAGE]:
                data = held.get(page[name])
                yield data if data is not None and digest(data) == name else self.read(name)

    def quarantine(self, name: str) -> None:
        """Put a damaged blob out of the way; a reader leaves it where it is."""
        if self.database.read_only:
            return
        self.pending.pop(name, None)
        with self.database.transaction() as link:
            link.execute("DELETE FROM blobs WHERE digest = ?", (bytes.fromhex(name[3:]),))
        aside = self.folder / "damaged" / name[3:]
        with trouble("put a damaged blob aside", aside), suppress(FileNotFoundError):
            aside.parent.mkdir(parents=True, exist_ok=True)
            self.path(name).replace(aside)

    def settle(self) -> None:
        """Bring all pending large blobs to the disk and to their place; then ``record`` may name them."""
        loose = [self._loose(name) for name, data in self.pending.items() if isinstance(data, int)]
        with trouble("write to the store", self.folder):
            sync_files([path for path in loose if path.exists()])
            for name, data in self.pending.items():
                if isinstance(data, int):
                    self._place(name)

    def record(self, link: sqlite3.Connection) -> None:
        """Name the settled blobs in a transaction; clear ``pending`` once it is committed."""
        link.executemany(
            "INSERT OR REPLACE INTO blobs (digest, size, data) VALUES (?, ?, ?)",
            [_row(name, data) for name, data in self.pending.items()],
        )

    def drop_pending(self) -> None:
        """Forget what was never settled, and its files."""
        for name in self.pending:
            with suppress(OSError):
                self._loose(name).unlink()
        self.pending.clear()

    def _write_loose(self, name: str, data: bytes) -> int:
        """Write a large blob where ``settle`` takes it from; its size."""
        loose = self._loose(name)
        with trouble("write to the store", loose):
            loose.parent.mkdir(parents=True, exist_ok=True)
            try:
                write_plain(loose, data)
            except BaseException:
                with suppress(OSError):
                    loose.unlink()
                raise
        return len(data)

    def _loose(self, name: str) -> Path:
        return self.folder / "tmp" / f"{name[3:]}-{os.getpid():x}"

    def _place(self, name: str) -> None:
        """Move one synced file to its place; the folder is not synced, for a name lost with the power is but a miss."""
        loose, place = self._loose(name), self.path(name)
        if not loose.exists():
            return  # an interrupted settling had come this far
        if place.exists() and file_digest(place) == name:
            loose.unlink()
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        loose.chmod(_READ_ONLY)
        with suppress(FileNotFoundError):  # a damaged one; Windows replaces and removes no read-only file
            place.chmod(0o600)
            place.unlink()
        loose.replace(place)

    def _intact(self, name: str) -> bool:
        """Whether these very bytes are there already; what is made anew mends what was damaged."""
        held = self._bytes(name)
        return held is not None and digest(held) == name

    def _size(self, name: str) -> int:
        try:
            return self.path(name).stat().st_size
        except OSError:
            return -1

    def _bytes(self, name: str) -> bytes | None:
        """What is kept under a name, good or bad; None when there is nothing."""
        held = self.pending.get(name)
        if held is None:
            row = self.database.rows("SELECT data FROM blobs WHERE digest = ?", (bytes.fromhex(name[3:]),))
            if not row:
                return None
            held = row[0][0]
        if isinstance(held, bytes):
            return held
        places = (self._loose(name), self.path(name)) if name in self.pending else (self.path(name),)
        for place in places:
            with trouble("read from the store", place), suppress(FileNotFoundError):
                return place.read_bytes()
        return None


def _row(name: str, held: bytes | int) -> tuple[bytes, int, bytes | None]:
    raw = bytes.fromhex(name[3:])
    return (raw, held, None) if isinstance(held, int) else (raw, len(held), held)


def _lost(name: str, how: str) -> BlobError:
    return BlobError(f"the blob {name} {how}", next_step="run the same command again; it is made again")
