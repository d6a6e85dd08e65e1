"""``state.db``: opened, mended, guarded. SQLite with a write-ahead log, so that readers never wait for a writer.

Whatever stands in it can be made again; so a damaged database is put aside and replaced by the last backup, or by
an empty one, and the build goes on.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

from lorabuild.core.errors import BusyError, StoreError
from lorabuild.core.events import Emit, Event, silent
from lorabuild.core.files import sync_file, sync_folder
from lorabuild.core.trouble import DISK_FULL, NOT_ALLOWED, printable, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

VERSION = 2
SCHEMA = """
CREATE TABLE stats (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (digest BLOB PRIMARY KEY, size INTEGER NOT NULL, data BLOB);
CREATE TABLE records (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE results (key BLOB PRIMARY KEY, stage TEXT NOT NULL, body TEXT NOT NULL, parts TEXT NOT NULL,
    made INTEGER NOT NULL, seal INTEGER NOT NULL);
CREATE TABLE latest (stage TEXT, id BLOB, key BLOB NOT NULL, PRIMARY KEY (stage, id)) WITHOUT ROWID;
CREATE TABLE builds (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# the first form gave results no age; they count as made when the form was changed, so that gc leaves them for a while
_SECOND_FORM = """
ALTER TABLE results ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE results ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
UPDATE results SET made = CAST(strftime('%s', 'now') AS INTEGER), seal = crc32(CAST(body AS BLOB));
"""
_SEEN_AS_SECOND = """
CREATE TEMP VIEW results AS
    SELECT *, CAST(strftime('%s', 'now') AS INTEGER) AS made, crc32(CAST(body AS BLOB)) AS seal FROM main.results
"""
_CHUNK = 1000
_LOG_PAGES = 8000  # 32 MB: the same pages change again and again while a stage commits; they go to their place once
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ADVICE = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_IOERR: (
        "the disk does not take or give the bytes",
        "look for space and for disk errors, then run again",
    ),
    sqlite3.SQLITE_READONLY: (
        "it can't be written",
        "make it and what lies beside it writable for you (chmod u+w .lorabuild/state.db*), or use another disk",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it can't be opened",
        "look at its permissions and at the limit of open files (ulimit -n), then run the same command again",
    ),
    sqlite3.SQLITE_PERM: NOT_ALLOWED,
}


class _DamagedError(Exception):
    """SQLite found the file damaged."""


class Database:
    """One connection to ``state.db``.

    A reader finds an empty database where there is none, and changes nothing on the disk.
    """

    def __init__(self, path: Path, *, read_only: bool = False, emit: Emit = silent) -> None:
        self.path, self.read_only, self.emit = path, read_only, emit
        self.backup_path = path.with_suffix(".backup")
        self.lock, self.mended = threading.RLock(), 0
        self.link = self._open_or_mend()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query. A damaged database is mended, then asked again."""
        with self.lock:
            try:
                with self._guard():
                    return self.link.execute(sql, values).fetchall()
            except _DamagedError:
                self._mend()
                with self._guard():
                    return self.link.execute(sql, values).fetchall()

    def rows_in(self, sql: str, values: Iterable[Any], *, first: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """The rows of a query with ``IN (?)`` at its end, asked for many values, chunk by chunk."""
        wanted = list(values)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            yield self.rows(sql.replace("(?)", f"({','.join('?' * len(chunk))})"), [*first, *chunk])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All the changes made inside, or none. Raises StoreError."""
        with self.lock:
            try:
                with self._guard():
                    self.link.execute("BEGIN IMMEDIATE")
                    try:
                        yield self.link
                        self.link.execute("COMMIT")
                    except BaseException:
                        with contextlib.suppress(sqlite3.Error):
                            self.link.execute("ROLLBACK")
                        raise
            except _DamagedError as error:
                self._mend()
                raise StoreError(
                    "the state database was damaged and has been mended",
                    where=printable(self.path),
                    next_step="run the same command again; what is missing is made again",
                ) from error

    def backup(self) -> None:
        """Copy the database to ``state.backup``, whole or not at all."""
        beside = self.backup_path.with_suffix(".backup-new")
        with self.lock, self._guard(), trouble("back up the state database", self.backup_path):
            beside.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(beside)) as copy:
                self.link.backup(copy)
            sync_file(beside)
            beside.replace(self.backup_path)
            sync_folder(beside.parent)

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.link.close()

    def _open_or_mend(self) -> sqlite3.Connection:
        try:
            with self._guard():
                return self._open()
        except _DamagedError:
            self._replace()
            with self._guard():
                return self._open()

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            return _reader(self.path)
        with trouble("make the store's folder", self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        link = _connect(self.path)
        try:
            link.execute("PRAGMA journal_mode = WAL")
            link.execute("PRAGMA synchronous = NORMAL")
            link.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            _prepare(link, self.path)
        except BaseException:
            link.close()
            raise
        return link

    def _mend(self) -> None:
        """Put the damaged database aside while it is open, and go on with the backup or an empty one."""
        self.link.close()
        self._replace()
        self.link = self._open_or_mend()

    def _replace(self) -> None:
        """Move the damaged files away and put the backup in their place; a reader goes on with an empty database."""
        if self.read_only:
            self.path = self.path.with_name("no state.db")
            self._warn("the state database is damaged; the next build mends it")
            return
        self.mended += 1
        aside = self.path.with_name(f"damaged-{time.time_ns():x}-{self.path.name}")
        with trouble("put the damaged state database aside", self.path):
            for index in self.path.parent.glob("*.idx"):  # they tell of what the damaged one held
                index.unlink(missing_ok=True)
            for tail in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + tail).replace(aside.with_name(aside.name + tail))
            restored = _sound(self.backup_path)
            if restored:
                # moved, not copied: should this file be the trouble, the next mending does without it
                self.backup_path.replace(self.path)
        what = "restored from its last backup" if restored else "begun anew, so everything is made again"
        self._warn(f"the state database was damaged and has been {what}; the damaged file is kept as {aside.name}")

    def _warn(self, text: str) -> None:
        self.emit(Event("warning", data={"code": "store-damaged", "item": self.path.name, "text": text}))

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except UnicodeDecodeError as error:  # SQLite's own complaint had a damaged name in it
            raise _DamagedError from error
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            # SQLite's own errors have a code; without one, Python could make no text of what stands in a row
            if code in _DAMAGE or (code == 0 and isinstance(error, sqlite3.OperationalError)):
                raise _DamagedError from error
            if code in _BUSY:
                raise BusyError("another program holds the state database", where=printable(self.path)) from error
            if code not in _ADVICE:
                raise
            why, next_step = _ADVICE[code]
            raise StoreError(
                f"can't use the state database: {why}", where=printable(self.path), next_step=next_step
            ) from error


def _connect(path: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    link = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False, uri=uri)
    link.create_function("crc32", 1, crc32, deterministic=True)
    return link


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; an empty database in memory where there is nothing to read."""
    # a read-only disk has no room for the log's index: there, "immutable" reads without it
    for way in ("mode=ro", "immutable=1") if path.exists() else ():
        link = _connect(f"{path.absolute().as_uri()}?{way}", uri=True)
        try:
            if version := _version(link, path):
                if version < VERSION:
                    link.execute(_SEEN_AS_SECOND)
                return link
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
                link.close()
                raise
        except BaseException:
            link.close()
            raise
        link.close()
    link = _connect(":memory:")
    _prepare(link, path)
    return link


def _prepare(link: sqlite3.Connection, path: Path) -> None:
    """Lay out a database that is empty, bring one of the first form to the second."""
    version = _version(link, path)
    if version < VERSION:
        change = SCHEMA if version == 0 else _SECOND_FORM
        link.executescript(f"BEGIN IMMEDIATE; {change} PRAGMA user_version = {VERSION}; COMMIT;")


def _version(link: sqlite3.Connection, path: Path) -> int:
    """The form of the database, 0 when it is empty. Raises StoreError for that of a newer lorabuild."""
    version = int(link.execute("PRAGMA user_version").fetchone()[0])
    link.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > VERSION:
        raise StoreError(
            f"the store was made by a newer lorabuild (its form is {version}, this one knows {VERSION})",
            where=printable(path),
            next_step="update lorabuild, or remove the folder .lorabuild to make everything again",
        )
    return version


def _sound(path: Path) -> bool:
    """Whether a backup is there and whole."""
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(path)) as link:
            return bool(link.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False
