import os
import time

import pytest
import stocked

from lorabuild.core.holdings import Kept, look, quick_bytes
from lorabuild.core.store import Store


@pytest.fixture
def store(tmp_path):
    with stocked.opened(tmp_path) as store:
        yield store


def test_everything_in_a_store_is_found_with_bytes_and_age(store):
    made = stocked.put(store, "one", {"small": False, "large": True}, stage="latents")
    stocked.age(store, 500)
    held = look(store)
    one = held.results[stocked.raw(stocked.key("one"))]
    assert one.stage == "latents"
    assert set(one.outputs) == {stocked.raw(digest) for digest in made.values()}
    assert one.age == pytest.approx(500, abs=60)
    assert one.bytes > 100
    large = stocked.content("large", large=True)
    assert held.rows == {
        stocked.raw(made["small"]): (len("content small"), True),
        stocked.raw(made["large"]): (len(large), False),
    }
    assert held.files[stocked.raw(made["large"])].bytes == len(large)
    assert held.files[stocked.raw(made["large"])].age == pytest.approx(500, abs=60)
    assert held.bytes == held.database + len(large)
    assert quick_bytes(store) == held.bytes


def test_work_under_way_is_as_old_as_its_youngest_file(store):
    folder = store.scratch(stocked.key("train"))
    (folder / "inner").mkdir()
    for name, seconds in {"old": 900, "inner/young": 300}.items():
        (folder / name).write_bytes(b"state")
        os.utime(folder / name, (time.time() - seconds,) * 2)
    os.utime(folder, (time.time() - 5000,) * 2)
    (store.folder / "work" / "not a key").mkdir()
    ((raw, work),) = look(store).work.items()
    assert raw == stocked.raw(stocked.key("train"))
    assert work.bytes == 10
    assert work.age == pytest.approx(300, abs=60)


def test_what_was_put_aside_and_what_is_half_written_is_found(store):
    made = stocked.put(store, "one", {"large": True})
    store.blobs.quarantine(made["large"])
    (store.folder / "damaged-18c-state.db").write_bytes(b"rubbish")
    (store.folder / "tmp" / "half").write_bytes(b"half")
    held = look(store)
    assert sorted((path.name[:8], entry.bytes) for path, entry in held.damaged.items()) == sorted(
        [(made["large"][3:11], stocked.LARGE // 8 * len("content large")), ("damaged-", 7)]
    )
    assert held.tmp == Kept(4, 0.0)
    assert held.rows == held.files == {}


def test_the_row_of_a_damaged_result_names_no_blobs(store):
    stocked.put(store, "one", {"large": True})
    with store.database.transaction() as link:
        link.execute("UPDATE results SET body = '[{broken'")
    (one,) = look(store).results.values()
    assert one.outputs == ()


def test_files_that_are_not_ours_are_left_out(store):
    for place in ("blobs/ab/short", "blobs/ab/" + "x" * 62, "blobs/abc/" + "a" * 62, "blobs/file"):
        (store.folder / place).parent.mkdir(parents=True, exist_ok=True)
        (store.folder / place).write_bytes(b"?")
    assert look(store).files == {}


def test_a_reader_looks_without_writing(tmp_path):
    stocked.opened(tmp_path).close()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with Store(tmp_path / ".lorabuild", read_only=True) as store:
        assert look(store).results == {}
    assert before.keys() <= set(tmp_path.rglob("*"))
    with Store(tmp_path / "nowhere", read_only=True) as store:
        assert look(store).bytes == 0
    assert not (tmp_path / "nowhere").exists()


def test_a_store_that_a_build_aside_has_left_is_found(store):
    with Store(store.folder / "verify") as aside:
        stocked.put(aside, "one", {"large": True})
    ((path, beside),) = look(store).beside.items()
    assert path == store.folder / "verify"
    assert beside.bytes > len(stocked.content("large", large=True))
    assert beside.age < 600
