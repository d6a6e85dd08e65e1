"""Results: what was made under which key, kept as rows of the database."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

from lorabuild.core.digest import canonical
from lorabuild.core.item import Item, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lorabuild.core.blobs import Blobs
    from lorabuild.core.database import Database


class Results:
    """The results of one store. Parts are long and seldom asked for: ``parts_of`` reads them, ``get`` does not."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self.database, self.blobs = database, blobs

    def get(self, keys: Iterable[str]) -> dict[str, Result]:
        """The results under these keys, as far as there are any, with empty ``parts``. A damaged row is none."""
        records = dict(readable(self.database.rows("SELECT id, body FROM records")))
        sql = "SELECT key, stage, CAST(body AS BLOB), seal FROM results WHERE key IN (?)"
        found: dict[str, Result] = {}
        for rows in self.database.rows_in(sql, [bytes.fromhex(key[3:]) for key in dict.fromkeys(keys)]):
            sound = [row for row in rows if crc32(row[2]) == row[3]]
            bodies = json.loads(b"[" + b",".join(row[2] for row in sound) + b"]")
            for (raw, stage, _, _), (outputs, facts, record, problem, seconds) in zip(sound, bodies, strict=True):
                key = "b3:" + raw.hex()
                if record in records:
                    found[key] = Result(key, stage, outputs, facts, {}, records[record], problem, seconds)
        return found

    def lacking(self, results: Iterable[Result]) -> dict[str, list[str]]:
        """Key → names of those of its outputs that are not in the store, for results that lack any."""
        held = list(results)
        gone = self.blobs.missing(blob for result in held for blob in result.outputs.values())
        if not gone:
            return {}
        names = {result.key: [name for name, blob in result.outputs.items() if blob in gone] for result in held}
        return {key: lost for key, lost in names.items() if lost}

    def commit(self, results: Iterable[Result], seconds: float | None = None) -> None:
        """Make results last, all or none, after the blobs that they name; ``seconds`` stands for each one's own."""
        with self.database.lock:  # a thread of the stage may be writing the next blob
            self.blobs.settle()
            with self.database.transaction() as link:
                self.blobs.record(link)
                number = _numbered(link)
                link.executemany(
                    "INSERT OR REPLACE INTO results (key, stage, body, parts, made, seal) VALUES (?, ?, ?, ?, ?, ?)",
                    [_row(result, number(result.record), seconds) for result in results],
                )
            self.blobs.pending.clear()

    def forget(self, keys: Iterable[str]) -> None:
        """Drop results; their blobs stay until they are swept."""
        with self.database.transaction() as link:
            link.executemany("DELETE FROM results WHERE key = ?", [(bytes.fromhex(key[3:]),) for key in keys])

    def remember(self, stage: str, items: Iterable[Item]) -> None:
        """Note under which key each item stands, so that ``parts_of`` can tell it when the key has changed."""
        wanted = {_raw(item.id): bytes.fromhex(item.key[3:]) for item in items}
        sql = "SELECT id, key FROM latest WHERE stage = ? AND id IN (?)"
        known = {name: key for rows in self.database.rows_in(sql, wanted, first=[stage]) for name, key in rows}
        changed = [(stage, name, key) for name, key in wanted.items() if known.get(name) != key]
        if changed:
            with self.database.transaction() as link:
                link.executemany("INSERT OR REPLACE INTO latest (stage, id, key) VALUES (?, ?, ?)", changed)

    def latest(self, stage: str) -> dict[str, str]:
        """Item id → the key under which it stood last."""
        rows = self.database.rows("SELECT id, key FROM latest WHERE stage = ?", [stage])
        return {raw.decode("utf-8", "surrogateescape"): "b3:" + key.hex() for raw, key in rows}

    def parts_of(self, stage: str, name: str) -> Mapping[str, Any] | None:
        """The parts of the key under which an item stood last; None for an item that is new or whose result is gone."""
        rows = self.database.rows(
            "SELECT parts FROM latest JOIN results USING (key) WHERE latest.stage = ? AND id = ?", [stage, _raw(name)]
        )
        return next((parts for _, parts in readable(("", text) for (text,) in rows)), None)


def readable(rows: Iterable[tuple[Any, str]]) -> Iterator[tuple[Any, Any]]:
    """What stands as JSON in rows of two; a damaged row is none."""
    for name, text in rows:
        with suppress(ValueError):
            yield name, json.loads(text)


def _row(result: Result, record: int, seconds: float | None) -> tuple[bytes, str, str, str, int, int]:
    """A result as it is kept, with the time at which it was made, for gc, and what shows that it was damaged since."""
    took = result.seconds if seconds is None else seconds
    body = canonical([dict(result.outputs), dict(result.facts), record, result.problem, took])
    parts, now = _text(dict(result.parts)), int(time.time())
    return bytes.fromhex(result.key[3:]), result.stage, body.decode("ascii"), parts, now, crc32(body)


def _numbered(link: sqlite3.Connection) -> Callable[[Mapping[str, Any]], int]:
    """A question for the number of a record; equal records share one, and the same one is spelled only once."""
    known: dict[int, tuple[Mapping[str, Any], int]] = {}

    def number(record: Mapping[str, Any]) -> int:
        if id(record) not in known:
            body = _text(dict(record))
            link.execute("INSERT OR IGNORE INTO records (body) VALUES (?)", [body])
            found = link.execute("SELECT id FROM records WHERE body = ?", [body]).fetchone()
            known[id(record)] = (record, int(found[0]))  # held, so that no other takes its place in memory
        return known[id(record)][1]

    return number


def _text(value: Any) -> str:
    return canonical(value).decode("ascii")


def _raw(name: str) -> bytes:
    """An item's id as bytes: it may hold a file name that is no text."""
    return name.encode("utf-8", "surrogateescape")
