"""Marks with real folders and the system's real events; what the system refuses is refused by the observer here."""

import errno
import logging
import mmap
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from lorabuild.core import marks as marks_module
from lorabuild.core import mounts
from lorabuild.core.marks import EVERY, SHARE, Marks

LONG = 20.0  # seconds that are only waited for by a test that fails
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the events of inotify")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.png").write_bytes(b"old")
    return tmp_path / "data"


@pytest.fixture
def said():
    return []


@pytest.fixture
def marks(folder, said):
    with Marks(said.append) as marks:
        assert marks.watch({str(folder): {"folder"}}) == {"folder"}
        yield marks


def marked(marks):
    """What is marked, once something is."""
    marks.wait(LONG)
    return marks.take()


def replaced(folder):
    (folder / "a.new").write_bytes(b"new")
    (folder / "a.new").replace(folder / "a.png")


def backed_up(folder):
    (folder / "a.png").rename(folder / "a.png~")
    (folder / "a.png").write_bytes(b"new")
    (folder / "a.png~").unlink()


def mapped(folder):
    with (folder / "a.png").open("r+b") as file, mmap.mmap(file.fileno(), 3) as memory:
        memory[:] = b"new"


def moved_in(folder):
    (folder.parent / "b.png").write_bytes(b"new")
    shutil.move(folder.parent / "b.png", folder / "b.png")


CHANGES = {
    "written": lambda folder: (folder / "a.png").write_bytes(b"new"),
    "created": lambda folder: (folder / "b.png").write_bytes(b"new"),
    "deleted": lambda folder: (folder / "a.png").unlink(),
    "touched": lambda folder: os.utime(folder / "a.png"),
    "an atomic save": replaced,
    "a save with a backup": backed_up,
    "a mapped write": mapped,
    "moved in": moved_in,
    "moved out": lambda folder: shutil.move(folder / "a.png", folder.parent / "b.png"),
    "a folder made": lambda folder: (folder / "below").mkdir(),
    "a folder moved in": lambda folder: shutil.move(folder.parent / "aside", folder / "below"),
    "a folder moved out": lambda folder: shutil.move(folder / "inside", folder.parent / "b"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_marks_the_folder(folder, said, change):
    (folder.parent / "aside").mkdir()
    (folder / "inside").mkdir()
    with Marks(said.append) as marks:
        marks.watch({str(folder): {"folder"}})
        change(folder)
        assert marked(marks) == {"folder"}
    assert said == []


def test_reading_is_no_change(folder, marks):
    for _ in range(3):
        (folder / "a.png").read_bytes()
        list(folder.iterdir())
    (folder / "last.png").write_bytes(b"")  # events come in order: whatever the reading made has come before this one
    assert marked(marks) == {"folder"}
    observer = marks.observer
    assert not any(kind.__name__ in ("FileOpenedEvent", "FileClosedNoWriteEvent") for kind in marks.heard)
    assert observer.event_queue.empty()


def test_marks_are_taken_once_and_waiting_ends_by_itself(folder, marks):
    marks.wait(0.01)
    assert marks.take() == set()


def test_one_place_may_concern_several_folders(folder, marks):
    marks.watch({str(folder): {"one", "other"}})
    (folder / "b.png").write_bytes(b"")
    assert marked(marks) == {"one", "other"}


def test_new_places_are_named_and_old_ones_are_let_go(folder, marks):
    (folder / "below").mkdir()
    assert marks.watch({str(folder): {"folder"}, str(folder / "below"): {"below"}}) == {"below"}
    assert marks.watch({str(folder): {"folder"}, str(folder / "below"): {"below"}}) == set()
    assert marks.watch({str(folder / "below"): {"below"}}) == set()
    marks.take()
    (folder / "a.png").write_bytes(b"new")
    (folder / "below/b.png").write_bytes(b"new")
    assert marked(marks) == {"below"}
    assert set(marks.watches) == {str(folder / "below")}


def test_a_folder_that_was_replaced_by_another_is_watched_anew(folder, marks):
    shutil.move(folder, folder.with_name("old"))
    folder.mkdir()
    assert marks.watch({str(folder): {"folder"}}) == {"folder"}
    marks.take()
    (folder / "new.png").write_bytes(b"")
    assert marked(marks) == {"folder"}


def test_a_folder_that_is_gone_is_watched_when_it_is_back(folder, marks):
    shutil.rmtree(folder)
    assert marks.watch({}) == set()
    assert marks.watch({str(folder): {"folder"}}) == set()
    folder.mkdir()
    assert marks.watch({str(folder): {"folder"}}) == {"folder"}


def refusing(code):
    def schedule(*_words, **_more):
        raise OSError(code, os.strerror(code))

    return schedule


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EMFILE, errno.EIO])
def test_where_no_watch_is_left_the_folder_is_polled_and_that_is_said_once(folder, marks, said, monkeypatch, code):
    monkeypatch.setattr(marks.observer, "schedule", refusing(code))
    more = {str(folder / name): {name} for name in ("one", "two")}
    for place in more:
        Path(place).mkdir()
    assert marks.watch({str(folder): {"folder"}} | more) == {"one", "two"}
    assert marks.polled == set(more)
    assert len(said) == (2 if code == errno.EIO else 1)
    assert "looking there every second instead" in said[0]
    assert "watch" in said[0]
    found = set()
    while found != {"folder", "one", "two"}:  # the first for the folders made in it
        found |= marked(marks)


def test_a_place_that_vanishes_while_it_is_being_watched_is_left_for_later(folder, marks, said, monkeypatch):
    (folder / "below").mkdir()
    monkeypatch.setattr(marks.observer, "schedule", refusing(errno.ENOENT))
    assert marks.watch({str(folder): {"folder"}, str(folder / "below"): {"below"}}) == set()
    assert marks.polled == set()
    assert said == []


def test_where_no_thread_is_left_the_folder_is_polled(folder, marks, said, monkeypatch):
    def schedule(*_words, **_more):
        raise RuntimeError("can't start new thread")

    (folder / "below").mkdir()
    monkeypatch.setattr(marks.observer, "schedule", schedule)
    marks.watch({str(folder): {"folder"}, str(folder / "below"): {"below"}})
    assert marks.polled == {str(folder / "below")}
    assert said == ["can't start new thread; looking there every second instead"]


def test_where_no_watcher_is_left_all_is_polled(folder, said, monkeypatch):
    from watchdog import observers

    monkeypatch.setattr(observers, "Observer", refusing(errno.EMFILE))
    with Marks(said.append) as marks:
        assert marks.watch({str(folder): {"folder"}}) == {"folder"}
        assert marks.polled == {str(folder)}
    assert "max_user_instances" in said[0]


def test_a_folder_on_a_network_mount_is_polled_and_the_others_are_not(folder, said, tmp_path, monkeypatch):
    table = tmp_path / "mounts"
    table.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {os.path.realpath(folder)} nfs4 rw 0 0\n", "utf-8")
    monkeypatch.setattr(marks_module, "foreign", lambda place: mounts.foreign(place, table))
    with Marks(said.append) as marks:
        marks.watch({str(folder): {"folder"}, str(tmp_path): {"local"}})
        assert marks.polled == {str(folder)}
    (text,) = said
    assert "nfs4" in text
    assert "looking there every second" in text


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_polled_folders_are_due_every_second_and_less_often_when_looking_takes_long(folder, said):
    clock = Clock()
    with Marks(said.append, poll=True, clock=clock) as marks:
        marks.watch({str(folder): {"folder"}})
        assert marks.take() == {"folder"}
        marks.rest(0.0)
        assert marks.take() == set()
        clock.now += EVERY
        assert marks.take() == {"folder"}
        clock.now += 2.0  # the look
        marks.rest(0.0)
        clock.now += SHARE * 2.0 - 0.1
        assert marks.take() == set()
        clock.now += 0.2
        assert marks.take() == {"folder"}
    assert said == []


def test_polling_starts_no_observer(folder, said):
    before = threading.active_count()
    with Marks(said.append, poll=True) as marks:
        marks.watch({str(folder): {"folder"}})
        assert threading.active_count() == before
        assert marks.observer is None


def test_after_a_warning_of_the_watcher_everything_is_marked(folder, marks, caplog):
    """Its queue ran over: it says so, and nothing else. tests/whole has a real overflow."""
    (folder / "below").mkdir()
    marks.watch({str(folder): {"folder"}, str(folder / "below"): {"below"}})
    marks.take()
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    assert marked(marks) == {"folder", "below"}


def test_nothing_is_left_behind(folder, said):
    before = threading.active_count()
    with Marks(said.append) as marks:
        marks.watch({str(folder): {"folder"}})
    assert threading.active_count() == before
    assert marks.ear not in logging.getLogger("watchdog").handlers
