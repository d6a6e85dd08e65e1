import sqlite3

import pytest

from lorabuild.core.database import Database
from lorabuild.core.errors import StoreError


def put(database, name, value):
    with database.transaction() as link:
        link.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", [name, value])


def test_what_is_committed_is_there_when_opened_again(tmp_path):
    first = Database(tmp_path / "state.db")
    put(first, "a", "1")
    first.close()
    second = Database(tmp_path / "state.db", read_only=True)
    assert second.rows("SELECT value FROM meta") == [("1",)]
    second.close()


def broken(database):
    with database.transaction() as link:
        link.execute("INSERT INTO meta (name, value) VALUES ('a', '1')")
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(tmp_path):
    database = Database(tmp_path / "state.db")
    with pytest.raises(ZeroDivisionError):
        broken(database)
    assert database.rows("SELECT value FROM meta") == []
    database.close()


def test_a_reader_of_nothing_finds_nothing_and_makes_nothing(tmp_path):
    database = Database(tmp_path / "state.db", read_only=True)
    assert database.rows("SELECT value FROM meta") == []
    database.close()
    assert list(tmp_path.iterdir()) == []


def test_many_values_are_asked_in_chunks(tmp_path):
    database = Database(tmp_path / "state.db")
    with database.transaction() as link:
        link.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", [(f"{n:05}", "x") for n in range(2500)])
    wanted = [f"{n:05}" for n in range(2500)]
    chunks = list(database.rows_in("SELECT name FROM meta WHERE name IN (?)", wanted))
    assert sorted(row[0] for rows in chunks for row in rows) == wanted
    assert len(chunks) == 3
    database.close()


def test_a_file_that_is_no_database_is_put_aside(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(b"no database at all" * 100)
    events = []
    database = Database(path, emit=events.append)
    put(database, "a", "1")
    database.close()
    assert [event.kind for event in events] == ["warning"]
    assert any(file.name.startswith("damaged-") for file in tmp_path.iterdir())
    with sqlite3.connect(path) as link:
        assert link.execute("SELECT value FROM meta").fetchall() == [("1",)]
    link.close()


def test_the_backup_is_taken_when_the_database_is_damaged(tmp_path):
    path = tmp_path / "state.db"
    database = Database(path)
    put(database, "a", "1")
    database.backup()
    database.close()
    path.write_bytes(b"rubbish" * 1000)
    for beside in tmp_path.glob("state.db-*"):
        beside.unlink()
    again = Database(path)
    assert again.rows("SELECT value FROM meta") == [("1",)]
    again.close()


def test_a_folder_in_its_place_is_told(tmp_path):
    (tmp_path / "state.db").mkdir()
    with pytest.raises(StoreError):
        Database(tmp_path / "state.db")
