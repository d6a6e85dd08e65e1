"""The store as its users see it: blobs, results, damage, kills, full disks."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.blobs import SMALL
from lorabuild.core.digest import digest, make_key
from lorabuild.core.errors import BlobError, StoreError
from lorabuild.core.item import Item, Result
from lorabuild.core.store import Store

LARGE = bytes(range(256)) * (SMALL // 128)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".lorabuild"


@pytest.fixture
def store(folder):
    with Store(folder) as opened:
        yield opened


def result(number, outputs=None, **more):
    return Result(make_key("tag", 1, {"n": number}), "tag", outputs or {}, **more)


def keep(store, data, number=0):
    """A committed result with one output."""
    made = result(number, {"x": store.write(data)})
    store.commit([made])
    return made


def blob_file(store, data):
    return store.blobs.path(digest(data))


@pytest.mark.parametrize("data", [b"", b"small", b"x" * SMALL, LARGE], ids=["empty", "small", "edge", "large"])
def test_what_is_written_can_be_read(folder, data):
    with Store(folder) as store:
        name = store.write(data)
        assert name == digest(data)
        assert store.read(name) == data
        assert store.has(name)
        store.commit([result(1, {"x": name})])
    with Store(folder, read_only=True) as store:
        assert store.read(name) == data
        assert store.has(name)


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=2 * SMALL), max_size=5))
def test_any_bytes(tmp_path_factory, many):
    with Store(tmp_path_factory.mktemp("store")) as store:
        keep(store, b"other")
        outputs = {str(number): store.write(data) for number, data in enumerate(many)}
        store.commit([result(1, outputs)])
        assert [store.read(name) for name in outputs.values()] == many


def test_only_large_blobs_are_files_and_nobody_can_write_to_them(store):
    keep(store, b"small", 1)
    keep(store, LARGE, 2)
    assert not blob_file(store, b"small").exists()
    assert blob_file(store, LARGE).stat().st_mode & 0o777 == 0o444
    assert [path.name for path in (store.folder / "tmp").iterdir()] == []


def test_what_is_not_committed_is_not_there(folder):
    with Store(folder) as store:
        names = [store.write(b"small"), store.write(LARGE)]
    with Store(folder) as store:
        assert not any(store.has(name) for name in names)
        assert [path.name for path in (folder / "tmp").iterdir()] == []


def test_an_orphan_of_a_killed_writer_is_taken_over(store):
    """The file came to its place, but the database never named it."""
    keep(store, LARGE)
    before = blob_file(store, LARGE).stat().st_ino
    with store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
    keep(store, LARGE)
    assert store.read(digest(LARGE)) == LARGE
    assert blob_file(store, LARGE).stat().st_ino == before


def test_an_interrupted_commit_can_be_repeated(store, monkeypatch):
    many = [LARGE + b"%d" % number for number in range(4)]
    made = result(1, {str(number): store.write(data) for number, data in enumerate(many)})
    real, placed = store.blobs._place, []

    def interrupted(name):
        if len(placed) == 2:
            raise KeyboardInterrupt
        placed.append(name)
        real(name)

    monkeypatch.setattr(store.blobs, "_place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.commit([made])
    monkeypatch.undo()
    assert store.results([made.key]) == {}
    assert [store.read(digest(data)) for data in many] == many
    store.commit([made])
    assert store.missing_blobs([made]) == {}
    assert [store.read(digest(data)) for data in many] == many


def test_a_blob_that_goes_after_it_was_named(store):
    keep(store, LARGE)
    blob_file(store, LARGE).unlink()
    with pytest.raises(BlobError):
        store.read(digest(LARGE))


def test_threads_may_write_while_a_batch_is_committed(store):
    def produce(start):
        return [store.write(LARGE + b"%d" % number) for number in range(start, start + 30)]

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(produce, start) for start in range(0, 120, 30)]
        for number in range(10):
            keep(store, b"%d" % number, number)
        names = [name for job in jobs for name in job.result()]
    store.commit([result(99, {name: name for name in names})])
    assert all(digest(store.read(name)) == name for name in names)


def test_a_blob_that_was_never_there(store):
    with pytest.raises(BlobError, match="is not in the store") as caught:
        store.read(digest(b"?"))
    assert caught.value.next_step


def flip(path):
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    "harm", [flip, lambda _: b"", lambda path: path.read_bytes()[:-1]], ids=["flip", "zero", "cut"]
)
def test_a_damaged_blob_is_put_aside_and_made_again(store, harm):
    made = keep(store, LARGE)
    path = blob_file(store, LARGE)
    damaged = harm(path)
    path.chmod(0o600)
    path.write_bytes(damaged)
    with pytest.raises(BlobError, match="is damaged"):
        store.read(digest(LARGE))
    assert not store.has(digest(LARGE))
    assert store.missing_blobs([made]) == {made.key: ["x"]}
    assert (store.folder / "damaged" / digest(LARGE)[3:]).read_bytes() == damaged
    keep(store, LARGE)
    assert store.read(digest(LARGE)) == LARGE
    assert store.missing_blobs([made]) == {}


def test_a_damaged_small_blob(store):
    made = keep(store, b"small")
    with store.database.transaction() as link:
        link.execute("UPDATE blobs SET data = ?", [b"smell"])
    with pytest.raises(BlobError):
        store.read(digest(b"small"))
    assert store.missing_blobs([made]) == {made.key: ["x"]}


@pytest.mark.parametrize("size", [0, 1])
def test_lost_and_cut_blobs_are_seen_without_reading(store, size):
    made = keep(store, LARGE)
    path = blob_file(store, LARGE)
    path.unlink()
    if size:
        path.write_bytes(b"x" * size)
    assert store.missing_blobs([made]) == {made.key: ["x"]}
    assert not store.has(digest(LARGE))


def test_writing_mends_a_flipped_bit(store):
    keep(store, LARGE)
    path = blob_file(store, LARGE)
    damaged = flip(path)
    path.chmod(0o600)
    path.write_bytes(damaged)
    keep(store, LARGE)
    assert store.read(digest(LARGE)) == LARGE


def test_a_reader_leaves_a_damaged_blob(folder):
    with Store(folder) as store:
        keep(store, LARGE)
        path = blob_file(store, LARGE)
        path.chmod(0o600)
        path.write_bytes(b"x" * len(LARGE))
    with Store(folder, read_only=True) as store, pytest.raises(BlobError):
        store.read(digest(LARGE))
    assert path.exists()


def test_results(store):
    made = result(1, {"x": store.write(b"1")}, facts={"width": 3}, record={"device": "cpu"}, seconds=0.5)
    aside = result(2, problem="is no picture")
    store.commit([made, aside])
    assert store.results([made.key, aside.key, result(3).key]) == {made.key: made, aside.key: aside}


def test_ten_thousand_results(store):
    many = [result(number, {"x": digest(b"%d" % number)}, record={"device": "cpu"}) for number in range(10_000)]
    store.commit(many)
    found = store.results(made.key for made in many)
    assert len(found) == 10_000
    assert found[many[77].key] == many[77]
    assert len(store.missing_blobs(found.values())) == 10_000


def test_forget(store):
    made = keep(store, b"1")
    store.forget([made.key, result(9).key])
    assert store.results([made.key]) == {}


def test_a_result_made_again_replaces_the_old(store):
    store.commit([result(1, problem="bad")])
    store.commit([result(1, facts={"a": [1, None, "ä\udcff"]})])
    (found,) = store.results([result(1).key]).values()
    assert found.problem is None
    assert found.facts == {"a": [1, None, "ä\udcff"]}


def test_parts_are_those_of_the_last_key_that_was_made(store):
    old = Item("a\udcff.png", make_key("tag", 1, {"n": 1}), {"n": 1})
    new = Item("a\udcff.png", make_key("tag", 1, {"n": 2}), {"n": 2})
    assert store.parts_of("tag", old.id) is None
    store.commit([Result(old.key, "tag", parts=old.parts)])
    store.remember("tag", [old])
    assert store.parts_of("tag", old.id) == {"n": 1}
    assert store.parts_of("scan", old.id) is None
    store.commit([Result(new.key, "tag", parts=new.parts)])
    store.remember("tag", [new])
    assert store.parts_of("tag", old.id) == {"n": 2}
    assert store.latest("tag") == {new.id: new.key}
    store.forget([new.key])
    assert store.parts_of("tag", old.id) is None


def test_remembering_the_same_writes_nothing(store):
    items = [Item(f"{number}.png", make_key("tag", 1, {"n": number})) for number in range(50)]
    store.remember("tag", items)
    before = store.database.link.total_changes
    store.remember("tag", items)
    assert store.database.link.total_changes == before


def test_history(store):
    assert store.history() == []
    assert [store.history_add({"seconds": 1.5}), store.history_add({"seconds": 2})] == [1, 2]
    assert store.history() == [{"seconds": 1.5, "number": 1}, {"seconds": 2, "number": 2}]


def test_meta(store):
    assert store.meta("x") is None
    assert store.meta("x", 3) == 3
    store.set_meta("x", {"a": [1]})
    store.set_meta("x", {"a": [2]})
    assert store.meta("x") == {"a": [2]}


def test_scratch(store):
    folder = store.scratch("b3:ab")
    (folder / "state").write_bytes(b"1")
    assert (store.scratch("b3:ab") / "state").read_bytes() == b"1"
    assert folder == store.folder / "work" / "ab"


def test_a_reader_needs_no_store(folder):
    with Store(folder, read_only=True) as store:
        assert store.results([result(1).key]) == {}
        assert store.history() == []
        assert not store.has(digest(b"x"))
    assert not folder.exists()


def test_readers_and_a_writer_at_once(folder):
    with Store(folder) as writer, Store(folder, read_only=True) as reader:
        made = keep(writer, b"1")
        assert reader.results([made.key]) == {made.key: made}
        with writer.database.transaction() as link:
            link.execute("DELETE FROM results")
            assert reader.results([made.key]) == {made.key: made}
        assert reader.results([made.key]) == {}


def test_a_reader_can_not_write(folder):
    with Store(folder) as store:
        keep(store, b"1")
    with Store(folder, read_only=True) as store, pytest.raises(StoreError, match="can't be written"):
        store.set_meta("x", 1)


# --- damage to the database


def harm_database(folder, how):
    path = folder / "state.db"
    if how == "header":
        path.write_bytes(b"not a database at all" * 100)
    elif how == "middle":
        data = bytearray(path.read_bytes())
        data[4096:] = b"\x55" * (len(data) - 4096)
        path.write_bytes(data)
    else:
        path.write_bytes(path.read_bytes()[: 4096 * 2])


@pytest.mark.parametrize("how", ["header", "middle", "cut"])
@pytest.mark.parametrize("backed_up", [True, False])
def test_a_damaged_database_is_mended(folder, how, backed_up):
    with Store(folder) as store:
        made = keep(store, b"1", 1)
        if backed_up:
            store.backup(every=0)
    harm_database(folder, how)
    told = []
    with Store(folder, emit=told.append) as store:
        expected = {made.key: made} if backed_up else {}
        assert store.results([made.key]) == expected
        later = keep(store, b"2", 2)
        assert store.results([later.key]) == {later.key: later}
    assert [event.data["code"] for event in told] == ["store-damaged"]
    assert ("backup" if backed_up else "anew") in told[0].data["text"]
    assert list(folder.glob("damaged-*"))
    with Store(folder, emit=told.append) as store:
        assert store.results([later.key])
    assert len(told) == 1


def test_damage_found_while_writing(folder):
    with Store(folder) as store:
        keep(store, b"1", 1)
    harm_database(folder, "middle")
    with Store(folder) as store:
        with pytest.raises(StoreError, match="has been mended"):
            store.history_add({})
        made = keep(store, b"2", 2)
        assert store.results([made.key]) == {made.key: made}


def test_a_damaged_backup_is_no_backup(folder):
    with Store(folder) as store:
        made = keep(store, b"1")
        store.backup(every=0)
    harm_database(folder, "header")
    (folder / "state.backup").write_bytes(b"nor is this" * 1000)
    with Store(folder) as store:
        assert store.results([made.key]) == {}


@pytest.mark.parametrize("how", ["header", "middle"])
def test_a_reader_leaves_a_damaged_database(folder, how):
    with Store(folder) as store:
        made = keep(store, b"1")
    harm_database(folder, how)
    before = (folder / "state.db").read_bytes()
    told = []
    with Store(folder, read_only=True, emit=told.append) as store:
        assert store.results([made.key]) == {}
    assert (folder / "state.db").read_bytes() == before
    assert "next build mends it" in told[0].data["text"]


def test_an_empty_file_is_an_empty_database(folder):
    folder.mkdir()
    (folder / "state.db").write_bytes(b"")
    with Store(folder, read_only=True) as store:
        assert store.history() == []
    with Store(folder) as store:
        assert store.history_add({}) == 1


def test_a_newer_store_is_refused(folder):
    with Store(folder):
        pass
    with closing(sqlite3.connect(folder / "state.db")) as link:
        link.execute("PRAGMA user_version = 99")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="newer lorabuild") as caught:
            Store(folder, read_only=read_only)
        assert "update lorabuild" in caught.value.next_step


def test_backups_are_not_made_too_often(store):
    store.backup()
    first = store.database.backup_path.stat().st_mtime_ns
    store.backup()
    assert store.database.backup_path.stat().st_mtime_ns == first
    store.backup(every=0)
    assert store.database.backup_path.stat().st_mtime_ns > first


# --- full and closed disks


def test_a_full_disk_while_a_blob_is_written(folder, monkeypatch):
    with Store(folder) as store:
        first = keep(store, LARGE, 1)

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="the disk is full"):
            store.write(LARGE + b"2")
        monkeypatch.undo()
        assert [path.name for path in (folder / "tmp").iterdir()] == []
        assert store.results([first.key]) == {first.key: first}
        second = keep(store, LARGE + b"2", 2)
        assert store.read(second.outputs["x"]) == LARGE + b"2"


def test_a_full_disk_while_blobs_are_synced(store, monkeypatch):
    made = result(1, {"x": store.write(LARGE)})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        store.commit([made])
    monkeypatch.undo()
    assert store.results([made.key]) == {}
    store.commit([made])
    assert store.results([made.key]) == {made.key: made}
    assert store.read(digest(LARGE)) == LARGE


def test_a_full_disk_under_the_database(store):
    first = keep(store, b"1", 1)
    (pages,) = store.database.link.execute("PRAGMA page_count").fetchone()
    store.database.link.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full") as caught:
        keep(store, os.urandom(SMALL), 2)
    assert "free some space" in caught.value.next_step
    assert store.results([first.key, result(2).key]) == {first.key: first}
    store.database.link.execute("PRAGMA max_page_count = 1000000")
    second = keep(store, b"2", 2)
    assert store.results([second.key])


def test_too_many_open_files(store, monkeypatch):
    keep(store, LARGE)

    def refuse(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("io.open", refuse)
    with pytest.raises(StoreError, match="too many open files") as caught:
        store.read(digest(LARGE))
    assert "ulimit" in caught.value.next_step


def test_a_store_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="can't make the store's folder"):
        Store(tmp_path / "file" / "store")


def test_a_database_that_can_not_be_opened(folder):
    (folder / "state.db").mkdir(parents=True)
    with pytest.raises(StoreError, match="can't be opened"):
        Store(folder)


def test_another_program_holds_the_database(folder):
    with Store(folder) as store, closing(sqlite3.connect(folder / "state.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        store.database.link.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(StoreError, match="another program"):
            store.set_meta("x", 1)


# --- kills

CHILD = """
import os, sys
from pathlib import Path
from lorabuild.core.digest import make_key
from lorabuild.core.item import Item
from lorabuild.core.store import Store

with Store(Path(sys.argv[1])) as store, store.writer("tag", every=8) as outputs:
    for number in range(10_000):
        item = Item(f"{number}.png", make_key("tag", 1, {"n": number}), {"n": number})
        data = b"%d" % number * (20_000 if number % 3 else 10)
        outputs.done(item, {"x": outputs.write(data)}, facts={"n": number})
        os.write(1, b"%d\\n" % number)
"""


@pytest.mark.parametrize("stop_at", [1, 20, 101])
def test_a_kill_loses_no_more_than_a_batch(folder, stop_at):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE)
    for line in child.stdout:
        if int(line) >= stop_at:
            break
    os.kill(child.pid, signal.SIGKILL)
    seen = [stop_at, *map(int, child.stdout.read().split())][-1]
    child.stdout.close()
    child.wait()
    keys = {make_key("tag", 1, {"n": number}): number for number in range(seen + 10)}
    with Store(folder) as store:
        found = store.results(keys)
        numbers = sorted(keys[key] for key in found)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > seen - 8
        assert store.missing_blobs(found.values()) == {}
        for key, made in found.items():
            number = keys[key]
            assert store.read(made.outputs["x"]) == b"%d" % number * (20_000 if number % 3 else 10)
        with store.writer("tag") as outputs:
            outputs.done(Item("x", make_key("tag", 1, {"n": -1})), {"x": outputs.write(LARGE)})
        assert store.read(digest(LARGE)) == LARGE
