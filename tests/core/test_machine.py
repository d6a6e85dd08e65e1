import errno
import os
from pathlib import Path

import pytest

from lorabuild.core import machine
from lorabuild.core.machine import file_system, memory, processor, room, watch_limits


def test_a_file_system_is_tried_out_and_left_as_it_was(tmp_path):
    found = file_system(tmp_path)
    assert (found.problem, found.locks, found.syncs, found.hard_links, found.links) == ("", True, True, True, True)
    assert 0 < found.step <= 2
    assert found.ignores_case == (tmp_path / "X").exists()
    assert abs(found.ahead) < 3600
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert file_system(tmp_path / "file").problem == "not a directory"


@pytest.mark.parametrize(
    ("kept", "step"),
    [
        (1_234_567_891, 1e-9),
        (1_234_567_800, 1e-7),
        (1_234_567_000, 1e-6),
        (1_234_000_000, 1e-3),
        (10**9, 1.0),
        (0, 2.0),
    ],
)
def test_the_steps_of_a_clock_show_in_what_is_left_of_a_time(kept, step):
    assert machine._step(kept) == step


def test_what_a_file_system_can_not_do_is_found_out(tmp_path, monkeypatch):
    def refused(*_words, **_how):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    for name in ("link", "fsync"):
        monkeypatch.setattr(os, name, refused)
    monkeypatch.setattr(Path, "symlink_to", refused)
    monkeypatch.setattr(machine, "_lock", refused)
    found = file_system(tmp_path)
    assert (found.hard_links, found.links, found.syncs, found.locks) == (False, False, False, False)


def test_a_lock_that_two_can_hold_is_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("filelock.FileLock.acquire", lambda lock, timeout=None: lock)
    assert file_system(tmp_path).locks is False


def test_a_file_system_of_another_machine_is_known_by_its_kind(tmp_path, monkeypatch):
    assert file_system(tmp_path).foreign == ""
    monkeypatch.setattr(machine, "foreign", lambda _folder: "nfs4")
    assert file_system(tmp_path).foreign == "nfs4"


def test_room_is_asked_of_the_disk_below_which_a_folder_will_be(tmp_path):
    free, disk = room(tmp_path)
    assert free > 0
    assert room(tmp_path / "not" / "yet")[1] == disk


def test_room_that_can_not_be_told(tmp_path, monkeypatch):
    def refused(_folder):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(machine.shutil, "disk_usage", refused)
    assert room(tmp_path) is None


def test_the_limits_of_watching_are_read(tmp_path):
    (tmp_path / "max_user_watches").write_text("8192\n")
    assert watch_limits(tmp_path) is None
    (tmp_path / "max_queued_events").write_text("16384\n")
    assert watch_limits(tmp_path) == (8192, 16384)


def test_processor_and_memory(monkeypatch):
    assert processor().endswith(("core", "cores"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0})
    assert processor().endswith(", 1 core")
    assert memory() > 10**8
    monkeypatch.setattr(os, "sysconf", lambda _name: (_ for _ in ()).throw(ValueError))
    assert memory() is None
