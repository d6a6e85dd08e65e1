import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import stocked
from hypothesis import given, settings
from hypothesis import strategies as st
from stocked import DAY

from lorabuild.core import sweep
from lorabuild.core.claim import claim
from lorabuild.core.errors import StoreError
from lorabuild.core.holdings import look
from lorabuild.core.store import Store
from lorabuild.core.sweep import Root, carry_out, choose, shrink


@pytest.fixture
def store(tmp_path):
    with stocked.opened(tmp_path) as store:
        yield store


def root(*names, blobs=(), why="needed"):
    return Root(why, [stocked.raw(stocked.key(name)) for name in names], [stocked.raw(digest) for digest in blobs])


def swept(store, *roots, grace=DAY):
    choice = choose(look(store), roots, grace)
    carry_out(store, choice)
    return choice


def there(store):
    """Names of results, digests of blobs and of files that a store holds."""
    held = look(store)
    return set(held.results), set(held.rows), set(held.files)


def test_what_no_root_needs_goes_and_the_rest_can_be_read(store):
    made = stocked.put(store, "needed", {"a": False, "b": True})
    stocked.put(store, "former", {"c": False, "d": True})
    stocked.age(store)
    choice = swept(store, root("needed"))
    assert {kind: number for kind, (number, _) in choice.goes.items() if number} == {
        "results": 1,
        "small blobs": 1,
        "blobs": 1,
    }
    assert choice.bytes == sum(size for _, size in choice.goes.values())
    assert store.results([stocked.key("needed"), stocked.key("former")]).keys() == {stocked.key("needed")}
    assert {store.read(digest) for digest in made.values()} == {
        stocked.content("a", large=False),
        stocked.content("b", large=True),
    }
    assert there(store)[2] == {stocked.raw(made["b"])}


def test_a_blob_that_two_results_share_stays_for_the_one_that_is_needed(store):
    made = stocked.put(store, "needed", {"a": True})
    assert stocked.put(store, "former", {"a": True}) == made
    stocked.age(store)
    swept(store, root("needed"))
    assert store.read(made["a"]) == stocked.content("a", large=True)


def test_a_root_may_name_blobs_without_a_result(store):
    made = stocked.put(store, "former", {"a": True, "b": False, "c": True})
    stocked.age(store)
    swept(store, root(blobs=[made["a"], made["b"]]))
    assert there(store) == (set(), {stocked.raw(made["a"]), stocked.raw(made["b"])}, {stocked.raw(made["a"])})


def test_what_is_young_stays_with_all_that_it_names(store):
    made = stocked.put(store, "young", {"old": True, "small": False})
    loose = stocked.put(store, "former", {"young": True})
    stocked.age(store)
    stocked.age(store, 60, results=["young"], files=[loose["young"]])
    choice = swept(store)
    assert there(store)[0] == {stocked.raw(stocked.key("young"))}
    assert there(store)[2] == {stocked.raw(made["old"]), stocked.raw(loose["young"])}
    assert choice.stays[-1].results == 1
    assert choice.stays[-1].bytes > len(stocked.content("old", large=True))


def test_each_root_is_said_to_keep_what_none_before_it_does(store):
    stocked.put(store, "both", {"a": True})
    stocked.put(store, "second", {"b": True})
    stocked.age(store)
    choice = choose(look(store), [root("both", why="first"), root("both", "second", why="second")], DAY)
    assert [(stays.why, stays.results) for stays in choice.stays] == [
        ("first", 1),
        ("second", 1),
        ("too young to go", 0),
    ]
    assert choice.stays[1].bytes == pytest.approx(len(stocked.content("b", large=True)), abs=300)
    assert choice.bytes == 0


def test_work_under_way_and_what_was_put_aside_go_when_they_are_old(store):
    for name in ("wanted", "old", "young"):
        (store.scratch(stocked.key(name)) / "state").write_bytes(bytes(500))
        if name != "young":
            for path in (store.scratch(stocked.key(name)) / "state", store.scratch(stocked.key(name))):
                os.utime(path, (1e9, 1e9))
    (store.folder / "damaged").mkdir()
    for place in ("damaged/aa", "damaged-1-state.db"):
        (store.folder / place).write_bytes(b"bad")
        os.utime(store.folder / place, (1e9, 1e9))
    (store.folder / "damaged" / "new").write_bytes(b"bad")
    choice = swept(store, root("wanted"))
    assert (choice.goes["work under way"], choice.goes["damaged files"]) == ((1, 500), (2, 6))
    assert choice.stays[0].bytes == 500
    assert {path.name for path in (store.folder / "work").iterdir()} == {
        stocked.key(n)[3:] for n in ("wanted", "young")
    }
    assert [path.name for path in (store.folder / "damaged").iterdir()] == ["new"]


def test_the_store_of_a_build_made_aside_goes_unless_somebody_is_at_work_there(store):
    aside = store.folder / "verify"
    with stocked.Store(aside) as inner:
        stocked.put(inner, "one", {"a": True})
    with claim(aside, wait=False, say=print):
        assert swept(store, grace=0.0).goes["stores of builds made aside"][0] == 1
        assert (aside / "state.db").exists()
    swept(store, grace=0.0)
    assert [path.name for path in aside.iterdir()] == ["lock"]
    assert look(store).beside == {}


def test_files_that_a_kill_left_without_a_name_go(store):
    made = stocked.put(store, "one", {"a": True})
    with store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
        link.execute("DELETE FROM results")
    assert swept(store).goes["blobs"] == (0, 0)  # too young: somebody may be about to name it
    stocked.age(store)
    assert swept(store).goes["blobs"][0] == 1
    assert not store.blobs.path(made["a"]).exists()


def test_files_without_a_name_stay_while_a_database_that_may_name_them_was_put_aside_lately(store):
    made = stocked.put(store, "one", {"a": True})
    with store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
    stocked.age(store)
    aside = store.folder / "damaged-1-state.db"
    aside.write_bytes(b"bad")
    assert swept(store).goes["blobs"] == (0, 0)
    os.utime(aside, (1e9, 1e9))
    assert swept(store).goes["blobs"][0] == 1
    assert not store.blobs.path(made["a"]).exists()


def test_a_name_without_its_file_goes(store):
    made = stocked.put(store, "former", {"a": True})
    stocked.age(store)
    store.blobs.path(made["a"]).unlink()
    swept(store)
    assert there(store) == (set(), set(), set())


def test_the_database_is_written_anew_when_much_of_it_is_free(store, monkeypatch):
    for number in range(300):
        stocked.put(store, number, {str(number): False})
    with store.database.transaction() as link:
        link.execute("UPDATE blobs SET data = zeroblob(16000)")
    assert shrink(store) is False
    stocked.age(store)
    monkeypatch.setattr(sweep.shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(9, 9, 9))
    swept(store)
    assert look(store).database > 4_000_000  # no room for a copy
    monkeypatch.undo()
    assert shrink(store) is True
    assert look(store).database < 500_000
    assert shrink(store) is False


def test_a_database_that_can_not_be_written_anew_stays_as_it_is(store, monkeypatch):
    said = {"PRAGMA page_size": [(4096,)], "PRAGMA freelist_count": [(900,)], "PRAGMA page_count": [(1000,)]}

    def rows(sql, _values=()):
        if sql in said:
            return said[sql]
        raise StoreError("the disk is full")

    monkeypatch.setattr(store.database, "rows", rows)
    assert shrink(store) is False


def test_a_file_that_can_not_be_removed_is_told(store, monkeypatch):
    stocked.put(store, "former", {"a": True})
    stocked.age(store)
    tried = []

    def refused(path, *, missing_ok=False):
        tried.append(path)
        raise PermissionError(13, "Permission denied")

    choice = choose(look(store), [], DAY)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(StoreError, match="can't remove a file from the store: permission denied"):
        carry_out(store, choice)
    assert len(tried) == 2  # once more after it was made writable, as Windows wants it


NAMES = st.integers(0, 5).map(str)
OUTPUTS = st.dictionaries(st.integers(0, 7).map(lambda n: f"o{n}"), st.none(), max_size=3)


@settings(max_examples=60)
@given(
    results=st.dictionaries(NAMES, OUTPUTS, max_size=6),
    needed=st.lists(st.sets(NAMES, max_size=3), max_size=3),
    named=st.sets(st.integers(0, 7).map(lambda n: f"o{n}"), max_size=2),
    young=st.sets(NAMES, max_size=2),
    fresh=st.sets(st.integers(0, 7).map(lambda n: f"o{n}"), max_size=2),
)
def test_exactly_what_is_old_and_out_of_reach_goes(results, needed, named, young, fresh):
    """Outputs with an even number are large, so they are files with an age of their own."""
    with TemporaryDirectory() as folder, stocked.opened(Path(folder)) as store:
        digests = {}
        for name, outputs in results.items():
            digests |= stocked.put(store, name, {output: int(output[1]) % 2 == 0 for output in outputs})
        stocked.age(store)
        stocked.age(store, 60, results=young, files=[digests[o] for o in fresh if o in digests and int(o[1]) % 2 == 0])
        blobs = [digests[output] for output in named if output in digests]
        before = look(store).bytes
        choice = swept(store, *(root(*names) for names in needed), root(blobs=blobs))
        stay = {name for name in results if name in young or any(name in names for names in needed)}
        reached = {output for name in stay for output in results[name]} | named
        large = {output for output in digests if int(output[1]) % 2 == 0 and (output in reached or output in fresh)}
        small = {output for output in digests if int(output[1]) % 2 and output in reached}
        assert there(store) == (
            {stocked.raw(stocked.key(name)) for name in stay},
            {stocked.raw(digests[output]) for output in large | small},
            {stocked.raw(digests[output]) for output in large},
        )
        for output in large | small:
            assert store.read(digests[output]) == stocked.content(output, large=output in large)
        assert store.database.rows("PRAGMA integrity_check") == [("ok",)]
        assert choice.bytes <= before


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import stocked
from lorabuild.core import sweep
from lorabuild.core.claim import claim
from lorabuild.core.holdings import look

left = int(sys.argv[3])

def step(frame, event, _argument):
    global left
    if frame.f_code.co_filename != sweep.__file__:
        return None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return step

with claim(Path(sys.argv[2], ".lorabuild"), wait=False, say=print), stocked.opened(Path(sys.argv[2])) as store:
    choice = sweep.choose(look(store), [sweep.Root("needed", [stocked.raw(stocked.key("needed"))])], stocked.DAY)
    sys.settrace(step)
    sweep.carry_out(store, choice)
    sys.settrace(None)
print(left)
"""


def killed(folder, line):
    """Sweep in a process that is killed when it has come to so many lines of the sweep; what it said."""
    words = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(folder), str(line)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done


def test_a_kill_at_any_line_loses_nothing_that_is_needed_and_the_next_sweep_ends_the_work(tmp_path):
    with stocked.opened(tmp_path / "whole") as store:
        made = stocked.put(store, "needed", {"a": True, "b": False})
        for number in range(3):
            stocked.put(store, f"former {number}", {f"{number}": True, f"{number} too": False})
        stocked.age(store)
        (store.scratch(stocked.key("old")) / "state").write_bytes(b"state")
        for path in (store.scratch(stocked.key("old")) / "state", store.scratch(stocked.key("old"))):
            os.utime(path, (1e9, 1e9))
    lines = 10_000 - int(killed(shutil.copytree(tmp_path / "whole", tmp_path / "all"), 10_000).stdout)
    assert lines > 40
    for line in range(1, lines, max(1, lines // 30)):
        folder = shutil.copytree(tmp_path / "whole", tmp_path / str(line))
        assert killed(folder, line).returncode == -signal.SIGKILL
        with Store(folder / ".lorabuild") as store:
            held = look(store)
            assert all(digest in held.rows for one in held.results.values() for digest in one.outputs)
            assert store.missing_blobs(store.results([stocked.key("needed")]).values()) == {}
            swept(store, root("needed"))
            assert there(store) == (
                {stocked.raw(stocked.key("needed"))},
                {stocked.raw(digest) for digest in made.values()},
                {stocked.raw(made["a"])},
            )
            assert store.read(made["a"]) == stocked.content("a", large=True)
            assert list((store.folder / "work").iterdir()) == []
