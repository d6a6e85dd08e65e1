"""The store, ``.lorabuild/`` in a project: blobs, results, history, small values. Nothing in it is irreplaceable.

Writers hold the claim (``core.claim``); readers need nothing, also where there is no store yet.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, Self

from lorabuild.core.batch import BATCH, Batch
from lorabuild.core.blobs import Blobs
from lorabuild.core.database import Database
from lorabuild.core.digest import canonical
from lorabuild.core.events import Emit, silent
from lorabuild.core.results import Results, readable
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from lorabuild.core.item import Item, Result


class Store:
    """The store in a folder, ``.lorabuild`` of a project. Opened with ``read_only`` it changes nothing on the disk."""

    def __init__(self, folder: Path, *, read_only: bool = False, emit: Emit = silent) -> None:
        self.folder = folder
        self.database = Database(folder / "state.db", read_only=read_only, emit=emit)
        self.blobs = Blobs(folder, self.database)
        self._results = Results(self.database, self.blobs)

    def writer(self, stage: str, *, every: int = BATCH, seconds: float = 5.0) -> Batch:
        """The door for one stage, a context manager: results are committed every so many items or seconds."""
        return Batch(self, stage, every=every, seconds=seconds)

    def read(self, digest: str) -> bytes:
        """The bytes of a blob, verified. Raises BlobError when it is missing, or damaged; that one is put aside."""
        return self.blobs.read(digest)

    def read_each(self, digests: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many blobs, one after the other; raises BlobError as ``read`` does."""
        return self.blobs.read_each(digests)

    def write(self, data: bytes) -> str:
        """Take bytes in, return their digest. They last once a result that names them is committed."""
        return self.blobs.write(data)

    def has(self, digest: str) -> bool:
        """Whether a blob is there, with the right size."""
        return self.blobs.has(digest)

    def results(self, keys: Iterable[str]) -> dict[str, Result]:
        """The results under these keys, as far as there are any, with empty ``parts`` (see ``parts_of``)."""
        return self._results.get(keys)

    def missing_blobs(self, results: Iterable[Result]) -> dict[str, list[str]]:
        """Key → names of its outputs whose blobs are gone, for results that lack any. Opens no blob."""
        return self._results.lacking(results)

    def commit(self, results: Iterable[Result], seconds: float | None = None) -> None:
        """Make results and what was written for them last: all or none; each took ``seconds`` where they are given."""
        self._results.commit(results, seconds)

    def forget(self, keys: Iterable[str]) -> None:
        """Drop results, so that they are made again."""
        self._results.forget(keys)

    def remember(self, stage: str, items: Iterable[Item]) -> None:
        """Note under which key each item stands now; writes only what has changed."""
        self._results.remember(stage, items)

    def latest(self, stage: str) -> dict[str, str]:
        """Item id → the key under which it stood last."""
        return self._results.latest(stage)

    def parts_of(self, stage: str, name: str) -> Mapping[str, Any] | None:
        """The parts of the key under which an item (by its id) stood last; None when nothing is known of it."""
        return self._results.parts_of(stage, name)

    def history_add(self, build: Mapping[str, Any]) -> int:
        """Add a build (JSON-able), return its number, counted from 1."""
        with self.database.transaction() as link:
            done = link.execute("INSERT INTO builds (body) VALUES (?)", [canonical(dict(build)).decode("ascii")])
            return int(done.lastrowid or 0)

    def history(self) -> list[dict[str, Any]]:
        """All builds, oldest first, each with its ``number``; a damaged row is passed over."""
        rows = self.database.rows("SELECT number, body FROM builds ORDER BY number")
        return [{**body, "number": number} for number, body in readable(rows)]

    def meta(self, name: str, default: Any = None) -> Any:
        """A small value kept under a name."""
        rows = self.database.rows("SELECT name, value FROM meta WHERE name = ?", [name])
        return dict(readable(rows)).get(name, default)

    def set_meta(self, name: str, value: Any) -> None:
        """Keep a small JSON-able value under a name."""
        with self.database.transaction() as link:
            text = canonical(value).decode("ascii")
            link.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", [name, text])

    def scratch(self, key: str) -> Path:
        """A private folder for resumable work under a key; it stays until it is swept."""
        folder = self.folder / "work" / key.removeprefix("b3:")
        with trouble("make a folder for work under way", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_scratch(self, key: str) -> None:
        """Remove the private folder of a key, once its result is committed."""
        shutil.rmtree(self.folder / "work" / key.removeprefix("b3:"), ignore_errors=True)

    def backup(self, *, every: float = 600.0) -> None:
        """Copy the database aside, unless that was done in the last ``every`` seconds. Called after a clean build."""
        held = self.database.backup_path
        with trouble("look at the backup", held):
            young = held.exists() and 0 <= time.time() - held.stat().st_mtime < every
        if not young:
            self.database.backup()

    def close(self) -> None:
        """Let go of the store; what was written and never committed is gone."""
        self.blobs.drop_pending()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
