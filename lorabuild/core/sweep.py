"""Sweeping a store: what nothing needs any more and is old enough goes; ``choose`` says what, ``carry_out`` does it.

Whatever a kill leaves behind is harmless and goes at the next sweep: results are forgotten first, then the names of
their blobs, the files last; a result never outlives its blobs.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lorabuild.core.claim import claim
from lorabuild.core.errors import BusyError, StoreError
from lorabuild.core.holdings import ASIDE
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.holdings import Holdings
    from lorabuild.core.store import Store

SLACK = 4  # the database is written anew when one part in so many of it is free …
LEAST = 1 << 20  # … and that is worth the work
KINDS = (
    "results",
    "small blobs",
    "blobs",
    "work under way",
    "stores of builds made aside",
    "damaged files",
    "half-written files",
)


@dataclass(frozen=True, slots=True)
class Root:
    """Why something stays, in a person's words: keys of results, digests of blobs. Both without their ``b3:``."""

    why: str
    keys: Collection[bytes]
    blobs: Collection[bytes] = ()


@dataclass(frozen=True, slots=True)
class Stays:
    """What one root keeps that none before it does: results, and bytes with those of their blobs."""

    why: str
    results: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes, and why the rest stays.

    Attributes:
        results: keys to forget.
        rows: digests of blobs whose names go from the database, small ones with their bytes.
        files: digests of blobs whose files go.
        work: keys whose folders of work under way go.
        beside: stores inside this one that go.
        damaged: files, put aside once, that go.
        stays: what stays, root by root; last what is only too young.
        goes: kind → number and bytes.
    """

    results: tuple[bytes, ...]
    rows: tuple[bytes, ...]
    files: tuple[bytes, ...]
    work: tuple[bytes, ...]
    beside: tuple[Path, ...]
    damaged: tuple[Path, ...]
    stays: tuple[Stays, ...]
    goes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What becomes free."""
        return sum(count for _, count in self.goes.values())


def choose(held: Holdings, roots: Sequence[Root], grace: float) -> Choice:
    """Say what goes: what no root needs and what is at least ``grace`` seconds old. Changes nothing."""
    asked, blobs = set[bytes](), set[bytes]()
    stays = [_reach(held, root, asked, blobs) for root in roots]
    keys = set(asked)
    young = Root("too young to go", [key for key, made in held.results.items() if made.age < grace])
    stays.append(_reach(held, young, keys, blobs))
    lost = any(path.name.startswith(ASIDE) and file.age < grace for path, file in held.damaged.items())
    named = held.rows if lost else held.files  # what a database named that was put aside may still be wanted
    old = {name for name, file in held.files.items() if name not in blobs and file.age >= grace and name in named}
    choice = Choice(
        results=tuple(key for key in held.results if key not in keys),
        rows=tuple(name for name in held.rows if name not in blobs and (name in old or name not in held.files)),
        files=tuple(old),
        work=tuple(key for key, folder in held.work.items() if key not in asked and folder.age >= grace),
        beside=tuple(path for path, folder in held.beside.items() if folder.age >= grace),
        damaged=tuple(path for path, file in held.damaged.items() if file.age >= grace),
        stays=tuple(stays),
    )
    return replace(choice, goes=_amounts(held, choice))


def _reach(held: Holdings, root: Root, keys: set[bytes], blobs: set[bytes]) -> Stays:
    """Add what a root needs to what is needed."""
    more = {*root.keys} - keys
    made = [held.results[key] for key in more if key in held.results]
    reached = {*root.blobs, *(digest for one in made for digest in one.outputs)} - blobs
    keys |= more
    blobs |= reached
    sizes = [held.rows[digest].bytes for digest in reached if digest in held.rows]
    sizes += [held.work[key].bytes for key in more if key in held.work]
    return Stays(root.why, len(made), sum(sizes) + sum(one.bytes for one in made))


def _amounts(held: Holdings, choice: Choice) -> dict[str, tuple[int, int]]:
    """Kind → number and bytes of what goes."""
    small = [held.rows[name] for name in choice.rows if held.rows[name].small]
    going = (
        [held.results[key].bytes for key in choice.results],
        [row.bytes for row in small],
        [held.files[name].bytes for name in choice.files],
        [held.work[key].bytes for key in choice.work],
        [held.beside[path].bytes for path in choice.beside],
        [held.damaged[path].bytes for path in choice.damaged],
        [held.tmp.bytes] if held.tmp.bytes else [],
    )
    return {kind: (len(sizes), sum(sizes)) for kind, sizes in zip(KINDS, going, strict=True)}


def carry_out(store: Store, choice: Choice) -> None:
    """Let go what was chosen; the store is claimed and no lease can be taken meanwhile."""
    named = set(choice.rows)
    _remove(choice.damaged)  # first what no row names: on a full disk the database needs the room
    for folder in choice.beside:
        _empty(folder)
    for key in choice.work:
        store.drop_scratch("b3:" + key.hex())
    _remove(_place(store, digest) for digest in choice.files if digest not in named)
    with store.database.transaction() as link:
        link.executemany("DELETE FROM results WHERE key = ?", [(key,) for key in choice.results])
    with store.database.transaction() as link:
        link.executemany("DELETE FROM blobs WHERE digest = ?", [(digest,) for digest in choice.rows])
    store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")  # on the disk, before the files go
    _remove(_place(store, digest) for digest in choice.files if digest in named)
    shrink(store)


def shrink(store: Store) -> bool:
    """Write the database anew without its free pages, when they are a quarter of it and at least a megabyte.

    That takes as much room as the database once more; where it isn't there, the free pages are simply used again.
    """
    (page,), (free,), (pages,) = (
        store.database.rows(f"PRAGMA {name}")[0] for name in ("page_size", "freelist_count", "page_count")
    )
    if free * page < LEAST or free * SLACK < pages:
        return False
    if shutil.disk_usage(store.folder).free < 2 * pages * page:
        return False
    with suppress(StoreError):
        store.database.rows("VACUUM")
        store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return True
    return False


def _empty(folder: Path) -> None:
    """Empty a store inside this one, unless somebody is at work there; its lock stays, others may be waiting for it."""
    with suppress(BusyError), claim(folder, wait=False, say=print):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in ("lock", "holder"):
                path.unlink()


def _place(store: Store, digest: bytes) -> Path:
    return store.blobs.path(digest.hex())


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with trouble("remove a file from the store", path), suppress(FileNotFoundError):
            try:
                path.unlink()
            except PermissionError:  # Windows removes no read-only file
                path.chmod(0o600)
                path.unlink()
