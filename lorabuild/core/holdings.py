"""What a store holds: every result, blob, folder of work under way and damaged file, with bytes and age."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from lorabuild.core.stamps import now as disk_time
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lorabuild.core.store import Store

_SECOND = 1_000_000_000
_HEX = 62  # digits of a blob's file name; the first two are its folder's
ASIDE = "damaged-"  # how the names of databases that were put aside begin
BY_ROW = 100  # what a row costs beside its content, roughly


class Made(NamedTuple):
    """A result: its stage, the digests of its outputs, its age in seconds, what its row takes."""

    stage: str
    outputs: tuple[bytes, ...]
    age: float
    bytes: int


class Row(NamedTuple):
    """A blob as the database has it: its size, and whether its bytes stand there."""

    bytes: int
    small: bool


class Kept(NamedTuple):
    """A file or a folder: bytes and age in seconds."""

    bytes: int
    age: float


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that a store holds.

    Attributes:
        results: key → result.
        rows: digest → blob that the database names.
        files: digest → file of a large blob.
        work: key → folder of work under way.
        beside: stores inside this one, left by a build that was made aside.
        damaged: what was put aside.
        tmp: what a killed writer left half written; the next writer removes it.
        database: bytes of the database with its log, its backup and the small files beside it.
    """

    results: dict[bytes, Made]
    rows: dict[bytes, Row]
    files: dict[bytes, Kept]
    work: dict[bytes, Kept]
    beside: dict[Path, Kept]
    damaged: dict[Path, Kept]
    tmp: Kept
    database: int

    @property
    def bytes(self) -> int:
        """What the store takes on the disk."""
        kept = (*self.files.values(), *self.work.values(), *self.beside.values(), *self.damaged.values(), self.tmp)
        return self.database + sum(entry.bytes for entry in kept)


def look(store: Store) -> Holdings:
    """Look through a store; changes nothing in one that is opened for reading."""
    folder = store.folder
    with trouble("look through the store", folder):
        at = time.time() if store.database.read_only else disk_time(folder).ns / _SECOND
        half = list(_files(folder / "tmp"))
        return Holdings(
            _results(store),
            _rows(store),
            {digest: _kept(found, at) for digest, found in blob_files(folder / "blobs")},
            {_raw(entry.name): _whole(entry, at) for entry in _entries(folder / "work") if _is_key(entry.name)},
            {
                Path(entry.path): _whole(entry, at)
                for entry in _entries(folder)
                if Path(entry.path, "state.db").exists()
            },
            {Path(entry.path): _kept(entry.stat(), at) for entry in _set_aside(folder)},
            Kept(sum(entry.stat().st_size for entry in half), 0.0),
            database_bytes(folder),
        )


def database_bytes(folder: Path) -> int:
    """What the database takes, with its log, its backup and the small files beside it."""
    return sum(entry.stat().st_size for entry in _files(folder) if not entry.name.startswith(ASIDE))


def quick_bytes(store: Store) -> int:
    """About what the store takes, from the database alone: without work under way and what was put aside."""
    found = store.database.rows("SELECT total(size) FROM blobs WHERE data IS NULL")
    return int(found[0][0]) + database_bytes(store.folder)


def _results(store: Store) -> dict[bytes, Made]:
    """Every result. The row of a damaged one names no blobs: nobody takes it for a result."""
    at, found = time.time(), {}
    sql = "SELECT key, stage, CAST(body AS BLOB), seal, length(parts), made FROM results"
    for key, stage, body, seal, parts, made in store.database.rows(sql):
        blobs = json.loads(body)[0].values() if crc32(body) == seal else ()
        found[key] = Made(stage, tuple(_raw(blob[3:]) for blob in blobs), at - made, len(body) + parts + BY_ROW)
    return found


def _rows(store: Store) -> dict[bytes, Row]:
    sql = "SELECT digest, size, data IS NOT NULL FROM blobs"
    return {digest: Row(size, bool(small)) for digest, size, small in store.database.rows(sql)}


def blob_files(folder: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """Digest and look of every file of a large blob."""
    for shelf in _entries(folder):
        for entry in _files(Path(shelf.path)):
            with suppress(ValueError):  # whatever that is, it is not ours
                if len(shelf.name) == 2 and len(entry.name) == _HEX:
                    yield _raw(shelf.name + entry.name), entry.stat()


def _set_aside(folder: Path) -> Iterable[os.DirEntry[str]]:
    databases = [entry for entry in _files(folder) if entry.name.startswith(ASIDE)]
    return [*databases, *_files(folder / "damaged")]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(folder) if entry.is_file(follow_symlinks=False)]


def _whole(folder: os.DirEntry[str], at: float) -> Kept:
    """A folder with all that is in it, as old as the youngest of its files."""
    found = [folder.stat()]
    for place, _, names in os.walk(folder.path):
        found += [os.lstat(os.path.join(place, name)) for name in names]  # noqa: PTH118 – os.walk gives text
    return Kept(sum(one.st_size for one in found[1:]), min(at - one.st_mtime for one in found))


def _kept(found: os.stat_result, at: float) -> Kept:
    return Kept(found.st_size, at - found.st_mtime)


def _is_key(name: str) -> bool:
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def _raw(text: str) -> bytes:
    return bytes.fromhex(text)
