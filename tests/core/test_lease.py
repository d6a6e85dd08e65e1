import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest
from filelock import FileLock, Timeout

from lorabuild.core import lease as leases
from lorabuild.core.errors import StoreError
from lorabuild.core.lease import closed, lease, leased

ONE, OTHER = "b3:" + "1" * 64, "b3:" + "2" * 64
READER = """
import sys
from pathlib import Path
from lorabuild.core.lease import lease
with lease(Path(sys.argv[1]), sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".lorabuild").mkdir()
    return tmp_path / ".lorabuild"


@contextmanager
def reader(folder, *digests):
    """Another process that reads under a lease until it gets a line."""
    words = [sys.executable, "-c", READER, str(folder), *digests]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def notes(folder):
    return sorted(path.suffix for path in (folder / "leases").glob("*.*"))


def test_what_is_leased_is_named_until_the_reader_is_done(folder):
    with lease(folder, [ONE, OTHER]):
        assert leased(folder) == ({ONE, OTHER}, 0)
        with closed(folder) as held:
            assert held == {ONE, OTHER}
    assert leased(folder) == (set(), 0)
    assert notes(folder) == []


def test_leases_of_several_readers_add_up(folder):
    with ExitStack() as readers:
        readers.enter_context(lease(folder, [ONE]))
        readers.enter_context(reader(folder, OTHER))
        assert leased(folder) == ({ONE, OTHER}, 0)
    assert leased(folder) == (set(), 1)  # that one was killed


def test_the_lease_of_a_killed_reader_is_void_and_is_removed(folder):
    with reader(folder, ONE) as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert leased(folder) == (set(), 1)
        assert notes(folder) == [".lease", ".lock"]
        with closed(folder) as held:
            assert held == set()
        assert notes(folder) == []


def test_a_reader_that_comes_while_the_store_is_swept_waits(folder):
    taken = threading.Event()

    def read():
        with lease(folder, [ONE]):
            taken.set()

    thread = threading.Thread(target=read)
    with closed(folder):
        thread.start()
        assert not taken.wait(0.2)
    assert taken.wait(20)
    thread.join()


def test_a_note_whose_lock_is_gone_is_dead(folder):
    (folder / "leases").mkdir()
    (folder / "leases" / "1-1.lease").write_text(ONE + "\n", "ascii")
    assert leased(folder) == (set(), 1)
    assert notes(folder) == [".lease"]


def test_a_reader_that_has_just_finished_holds_nothing(folder, monkeypatch):
    lives = leases._lives

    def finished(note):
        found = lives(note)
        note.unlink()
        return found

    with lease(folder, [ONE]):
        monkeypatch.setattr(leases, "_lives", finished)
        assert leased(folder) == (set(), 0)


def test_where_there_is_no_store_there_is_nothing_to_hold(tmp_path):
    with lease(tmp_path / "nowhere", [ONE]):
        assert list(tmp_path.iterdir()) == []
    assert leased(tmp_path / "nowhere") == (set(), 0)


def test_a_store_that_may_only_be_read_is_read_without_a_lease(folder, monkeypatch):
    def refused(*_words, **_how):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(folder), "mkdir", refused)
    with lease(folder, [ONE]):
        assert leased(folder) == (set(), 0)


def test_a_lease_that_can_not_be_written_is_told(folder):
    (folder / "leases").write_bytes(b"a file in its place")
    with pytest.raises(StoreError, match="can't take a lease on the store"), lease(folder, [ONE]):
        pass


def test_the_lock_of_a_lease_is_a_lock_of_the_system(folder):
    with lease(folder, [ONE]):
        (lock,) = (folder / "leases").glob("*.lock")
        with pytest.raises(Timeout):
            FileLock(lock).acquire(timeout=0)
