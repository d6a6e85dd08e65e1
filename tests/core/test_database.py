import contextlib
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


FIRST_FORM = """
CREATE TABLE stats (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (digest BLOB PRIMARY KEY, size INTEGER NOT NULL, data BLOB);
CREATE TABLE records (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE results (key BLOB PRIMARY KEY, stage TEXT NOT NULL, body TEXT NOT NULL, parts TEXT NOT NULL);
CREATE TABLE latest (stage TEXT, id BLOB, key BLOB NOT NULL, PRIMARY KEY (stage, id)) WITHOUT ROWID;
CREATE TABLE builds (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO records VALUES (1, '{}');
INSERT INTO results VALUES (x'aa', 'tag', '[{},{},1,null,0.5]', '{}');
PRAGMA user_version = 1;
"""


@pytest.fixture
def first_form(tmp_path):
    """A database as the first lorabuild wrote it."""
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as link:
        link.executescript(FIRST_FORM)
    return path


def now(database):
    return database.rows("SELECT strftime('%s', 'now')")[0][0]


def test_a_database_of_the_first_form_is_brought_to_the_second_and_its_results_count_as_young(first_form):
    for _ in range(2):
        database = Database(first_form)
        assert database.rows("PRAGMA user_version") == [(2,)]
        ((key, body, made),) = database.rows("SELECT key, body, made FROM results")
        assert (key, body) == (b"\xaa", "[{},{},1,null,0.5]")
        assert 0 <= int(now(database)) - made < 600
        database.close()


def test_a_reader_takes_a_database_of_the_first_form_for_one_of_the_second_and_leaves_it_as_it_is(first_form):
    before = first_form.read_bytes()
    database = Database(first_form, read_only=True)
    ((key, made),) = database.rows("SELECT key, made FROM results WHERE key IN (x'aa')")
    assert key == b"\xaa"
    assert 0 <= int(now(database)) - made < 600
    database.close()
    assert first_form.read_bytes() == before


def test_a_backup_of_the_first_form_is_taken_too(first_form):
    first_form.rename(first_form.with_suffix(".backup"))
    first_form.write_bytes(b"rubbish" * 1000)
    database = Database(first_form)
    assert len(database.rows("SELECT made FROM results")) == 1
    database.close()


@pytest.mark.parametrize("backed_up", [True, False])
def test_a_row_that_is_no_text_is_damage_and_takes_the_indexes_with_it(tmp_path, backed_up):
    events = []
    database = Database(tmp_path / "state.db", emit=events.append)
    put(database, "a", "1")
    if backed_up:
        database.backup()
    with database.transaction() as link:
        link.execute("UPDATE meta SET value = CAST(x'ff' AS TEXT)")
    (tmp_path / "null-report.idx").write_bytes(b"told of what stood there")
    assert database.mended == 0
    assert database.rows("SELECT value FROM meta") == ([("1",)] if backed_up else [])
    assert database.mended == 1
    assert not (tmp_path / "null-report.idx").exists()
    assert [event.data["code"] for event in events] == ["store-damaged"]
    database.close()


def test_a_complaint_of_sqlite_that_is_no_text_is_damage(tmp_path):
    path = tmp_path / "state.db"
    Database(path).close()
    data = path.read_bytes()
    place = data.index(b"CREATE TABLE results")
    path.write_bytes(data[: place + 4] + b"\xd4" + data[place + 5 :])
    database = Database(path)
    assert database.mended == 1
    put(database, "a", "1")
    database.close()
