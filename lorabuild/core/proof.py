"""Proof that a store is whole: every blob is read and compared with its name, the database is asked about itself."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from lorabuild.core.digest import descriptor_digest, digest
from lorabuild.core.holdings import blob_files
from lorabuild.core.trouble import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lorabuild.core.store import Store

PAGE = 500  # small blobs at once
AT_ONCE = 32  # large ones that a reader takes with it
READERS = 4  # a disk answers several at once, and hashing one file waits for no other
GONE, DAMAGED, CHANGED = "is not there", "is damaged", "has the wrong size"


@dataclass
class Proof:
    """What was found.

    Attributes:
        blobs, bytes: how much was read.
        bad: digest of a blob → what is wrong with it.
        results: key of a result that names bad or unknown blobs → (stage, those; none where its own row is damaged).
        unnamed: files of blobs that no row names, and their bytes.
        database: what the database says is wrong with it; empty when it is sound.
    """

    blobs: int = 0
    bytes: int = 0
    bad: dict[str, str] = field(default_factory=dict)
    results: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    unnamed: tuple[int, int] = (0, 0)
    database: str = ""


def prove(store: Store, said: Callable[[int, int], None]) -> Proof:
    """Read everything; change nothing. ``said`` is told the bytes done and the bytes in all, now and then."""
    proof = Proof()
    proof.database = _asked(store)
    total = int(store.database.rows("SELECT total(size) FROM blobs")[0][0])
    for name, size, problem in _checked(store):
        proof.blobs += 1
        proof.bytes += size
        if problem:
            proof.bad[name] = problem
        said(proof.bytes, total)
    proof.results = _naming(store, proof)
    proof.unnamed = _unnamed(store)
    return proof


def put_aside(store: Store, proof: Proof) -> None:
    """Forget results that can't be had and put bad blobs out of the way, so that the next build makes them again."""
    store.forget(proof.results)
    for name in proof.bad:
        store.blobs.quarantine(name)


def _asked(store: Store) -> str:
    said = [str(row[0]) for row in store.database.rows("PRAGMA integrity_check(3)")]
    return "" if said == ["ok"] else "; ".join(said)


def _checked(store: Store) -> Iterator[tuple[str, int, str]]:
    """Every blob with its size and what is wrong with it."""
    for name, size, data in _small(store):
        yield name, size, "" if len(data) == size and digest(data) == name else DAMAGED
    yield from _large(store)


def _small(store: Store) -> Iterator[tuple[str, int, bytes]]:
    last = 0
    sql = "SELECT rowid, digest, size, data FROM blobs WHERE rowid > ? AND data IS NOT NULL ORDER BY rowid LIMIT ?"
    while rows := store.database.rows(sql, [last, PAGE]):
        for _, raw, size, data in rows:
            yield "b3:" + raw.hex(), size, data
        last = rows[-1][0]


def _large(store: Store) -> Iterator[tuple[str, int, str]]:
    from concurrent.futures import ThreadPoolExecutor

    named = store.database.rows("SELECT lower(hex(digest)), size FROM blobs WHERE data IS NULL")
    folder = os.fspath(store.folder / "blobs")
    parts = [named[start : start + AT_ONCE] for start in range(0, len(named), AT_ONCE)]
    with ThreadPoolExecutor(max_workers=min(READERS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(parts), PAGE):
            page = parts[start : start + PAGE]
            for part, found in zip(page, pool.map(lambda part: _read_all(folder, part), page), strict=True):
                for (name, size), problem in zip(part, found, strict=True):
                    if not problem or _still_named(store, name):
                        yield f"b3:{name}", size, problem


def _read_all(folder: str, part: list[tuple[str, int]]) -> list[str]:
    return [_read(f"{folder}/{name[:2]}/{name[2:]}", name, size) for name, size in part]


def _read(path: str, name: str, size: int) -> str:
    """What is wrong with a large blob; memory holds a piece of it at a time."""
    try:
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            if os.fstat(opened).st_size != size:
                return CHANGED
            return "" if descriptor_digest(opened) == f"b3:{name}" else DAMAGED
        finally:
            os.close(opened)
    except FileNotFoundError:
        return GONE
    except OSError as error:
        return f"can't be read: {reason(error)}"


def _still_named(store: Store, name: str) -> bool:
    """Whether a blob is still the store's: gc or a build may have been at work while it was read."""
    return bool(store.database.rows("SELECT 1 FROM blobs WHERE digest = ?", [bytes.fromhex(name)]))


def _naming(store: Store, proof: Proof) -> dict[str, tuple[str, list[str]]]:
    """The results whose rows are damaged, or that name a blob which is bad or which the store doesn't know."""
    ask = store.database.rows
    ask("BEGIN")  # both at one moment: a build may be at work
    try:
        named = ask("SELECT digest FROM blobs")
        results = ask("SELECT key, stage, CAST(body AS BLOB), seal FROM results")
    finally:
        ask("COMMIT")
    known = {"b3:" + raw.hex() for (raw,) in named} - proof.bad.keys()
    found = {}
    for key, stage, body, seal in results:
        sound = crc32(body) == seal
        lost = [blob for blob in json.loads(body)[0].values() if blob not in known] if sound else []
        if lost or not sound:
            found["b3:" + key.hex()] = stage, lost
    return found


def _unnamed(store: Store) -> tuple[int, int]:
    """Number and bytes of files that no row names: what a kill left behind. They do no harm; gc removes them."""
    known = {raw for (raw,) in store.database.rows("SELECT digest FROM blobs WHERE data IS NULL")}
    sizes = [found.st_size for raw, found in blob_files(store.folder / "blobs") if raw not in known]
    return len(sizes), sum(sizes)
