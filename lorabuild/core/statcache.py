"""The stat cache: file digests without reading files again, trusted only while the whole stamp is the same."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

from lorabuild.core.stamps import Now, Stamp, Stat, now, racy, regular, stamp
from lorabuild.core.steady import UnsteadyError, steady_digest
from lorabuild.core.trouble import reason, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lorabuild.core.store import Store

P = TypeVar("P", str, Path)
_SAVE_EVERY = 5.0
_LONG = 32  # bytes of a digest; behind it stands the row's seal


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A file's ``b3:`` digest and size in bytes, or why there is none; ``hashed`` when it was read just now."""

    digest: str | None
    size: int = 0
    problem: str | None = None
    hashed: bool = False


class StatCache:
    """Digests of a project's files, kept in its store unless that is only read; ``rehash`` reads every file again."""

    def __init__(self, store: Store, *, rehash: bool = False, look: Stat = os.stat) -> None:
        self.store, self.rehash, self.look = store, rehash, look
        self.root = os.fspath(store.folder.absolute().parent) + os.sep
        self.fresh: list[tuple[bytes, str, bytes]] = []
        self.saved = time.monotonic()

    def digests(self, paths: Iterable[P]) -> dict[P, FileDigest]:
        """Path → digest, or the problem that a person must hear of, for every path given."""
        wanted = [(path, self._name(os.fspath(path))) for path in paths]
        known = {} if self.rehash else self._known(name for _, name in wanted)
        at: Now | None = None
        found: dict[P, FileDigest] = {}
        try:
            for path, name in wanted:
                held = self._held(path, known.get(name))
                if held is None:
                    at = at or self._now()
                    held = self._hash(os.fspath(path), name, at)
                found[path] = held
        finally:
            self._save()
        return found

    def _held(self, path: str | Path, row: tuple[str, bytes] | None) -> FileDigest | None:
        """What needs no reading: a digest that still holds, or a file that is none."""
        try:
            seen = self.look(path)
        except OSError as error:
            return FileDigest(None, problem=reason(error))
        if not regular(seen):
            return FileDigest(None, problem="is not an ordinary file")
        if row is None or row[0] != _text(stamp(seen)):
            return None
        return FileDigest("b3:" + row[1].hex(), seen.st_size)

    def _hash(self, path: str, name: bytes, at: Now | None) -> FileDigest:
        """Read a file; keep its digest unless it may still change within this tick of the clock."""
        try:
            value, mark = steady_digest(path, self.look)
        except UnsteadyError as error:
            return FileDigest(None, problem=error.what)
        if at is not None and not racy(mark, at):
            raw, text = bytes.fromhex(value[3:]), _text(mark)
            self.fresh.append((name, text, raw + _seal(name, text, raw)))
            if time.monotonic() - self.saved > _SAVE_EVERY:
                self._save()
        return FileDigest(value, mark.size, hashed=True)

    def _known(self, names: Iterable[bytes]) -> dict[bytes, tuple[str, bytes]]:
        sql = "SELECT path, stamp, digest FROM stats WHERE path IN (?)"
        rows = self.store.database.rows_in(sql, names)
        found = ((name, mark, value[:_LONG], value[_LONG:]) for chunk in rows for name, mark, value in chunk)
        return {name: (mark, value) for name, mark, value, seal in found if seal == _seal(name, mark, value)}

    def _now(self) -> Now | None:
        """The file system's time, asked before a file is read: later changes then get a later stamp."""
        if self.store.database.read_only:
            return None
        with trouble("ask the file system for its time", self.store.folder):
            return now(self.store.folder)

    def _save(self) -> None:
        if self.fresh:
            with self.store.database.transaction() as link:
                link.executemany("INSERT OR REPLACE INTO stats (path, stamp, digest) VALUES (?, ?, ?)", self.fresh)
        self.fresh.clear()
        self.saved = time.monotonic()

    def _name(self, path: str) -> bytes:
        """A path as it stands in the store: below the project without the project's own place, which may change."""
        return path.removeprefix(self.root).encode("utf-8", "surrogateescape")


def _seal(name: bytes, mark: str, value: bytes) -> bytes:
    """What shows that a row was damaged since it was written."""
    return crc32(name + mark.encode() + value).to_bytes(4, "big")


def _text(mark: Stamp) -> str:
    size, mtime, ctime, inode, device = mark
    return f"{size} {mtime} {ctime} {inode} {device}"
