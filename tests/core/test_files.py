import errno
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core import files
from lorabuild.core.errors import StoreError
from lorabuild.core.files import drop_half_written, folded, numbered, read_if_there, walk, write_atomic

IMAGES = (".png", ".jpg")


@settings(max_examples=20)
@given(st.binary())
def test_written_bytes_are_there(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("write") / "x"
    write_atomic(path, b"before")
    write_atomic(path, data)
    assert path.read_bytes() == data
    assert [path.name for path in path.parent.iterdir()] == ["x"]


def test_mode_is_kept(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"")
    path.chmod(0o640)
    write_atomic(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    path = tmp_path / ("x" * 255)
    write_atomic(path, b"long")
    assert path.read_bytes() == b"long"


def test_short_writes_are_gone_on_with(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda opened, data: real(opened, bytes(data)[:3]))
    write_atomic(tmp_path / "x", b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "x"
    write_atomic(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        write_atomic(path, b"new")
    assert caught.value.next_step
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="no such file"):
        write_atomic(tmp_path / "no" / "x", b"")


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode("utf-8", "surrogateescape"))


def names(found, folder):
    return [path.relative_to(folder).as_posix() for path in found.files]


def test_walk_finds_files_by_suffix_in_order(tmp_path):
    make(tmp_path, "b.PNG", "a.jpg", "sub/c.png", "notes.txt", ".hidden.png", ".git/d.png", "z.png")
    found = walk(tmp_path, IMAGES)
    assert names(found, tmp_path) == ["a.jpg", "b.PNG", "sub/c.png", "z.png"]
    assert found.problems == {}
    assert found.folders == [tmp_path, tmp_path / "sub"]


def test_the_order_of_making_does_not_matter(tmp_path):
    wanted = [f"{number:02d}.png" for number in range(20)]
    make(tmp_path, *reversed(wanted))
    assert names(walk(tmp_path, IMAGES), tmp_path) == wanted


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(StoreError, match="can't read this folder"):
        walk(tmp_path / "no", IMAGES)


def test_an_empty_folder(tmp_path):
    assert walk(tmp_path, IMAGES).files == []


def test_links_within_are_followed(tmp_path):
    make(tmp_path, "data/a.png", "more/b.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "more" / "b.png")
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "more")
    found = walk(tmp_path / "data", IMAGES, within=tmp_path)
    assert names(found, tmp_path / "data") == ["a.png", "folder/b.png", "link.png"]
    assert found.folders == [tmp_path / "data", tmp_path / "data" / "folder"]


def test_links_out_are_problems(tmp_path):
    make(tmp_path, "data/a.png", "secret/b.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "secret" / "b.png")
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "secret")
    found = walk(tmp_path / "data", IMAGES)
    assert names(found, tmp_path / "data") == ["a.png"]
    assert {path.name: text for path, text in found.problems.items()} == {
        "folder": "is a link that leads outside",
        "link.png": "is a link that leads outside",
    }


def test_loops_end(tmp_path):
    make(tmp_path, "data/a.png", "data/sub/b.png", "other/c.png")
    (tmp_path / "data" / "sub" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data" / "self")
    (tmp_path / "data" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "data" / "sub")
    (tmp_path / "other" / "round").symlink_to(tmp_path / "other")
    found = walk(tmp_path / "data", IMAGES, within=tmp_path)
    assert names(found, tmp_path / "data") == ["a.png", "other/c.png", "sub/b.png"]
    assert {path.name: text for path, text in found.problems.items()} == {
        "self": "is a link that leads nowhere",
        "up": "is a link to a folder that is read already",
        "back": "is a link to a folder that is read already",
        "round": "is a link to a folder that is read already",
    }


def test_dangling_links_and_pipes_are_problems(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = walk(tmp_path, IMAGES)
    assert found.files == []
    assert found.problems == {
        tmp_path / "gone.png": "is a link that leads nowhere",
        tmp_path / "pipe.png": "is not an ordinary file",
    }


def test_a_closed_folder_is_a_problem(tmp_path, monkeypatch):
    make(tmp_path, "a.png", "closed/b.png")
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(files.os, "scandir", scandir)
    found = walk(tmp_path, IMAGES)
    assert names(found, tmp_path) == ["a.png"]
    assert found.problems == {tmp_path / "closed": "can't be read: permission denied"}


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="these file systems take text only")
def test_strange_names_lead_back_to_their_files(tmp_path):
    raw = os.fsencode(tmp_path)
    strange = [b"new\nline.png", b"\xff\xfe.png", "e\u0301.png".encode(), "\u00e9.png".encode(), b"x" * 251 + b".png"]
    for name in strange:
        Path(os.fsdecode(raw + b"/" + name)).write_bytes(name)
    found = walk(tmp_path, IMAGES)
    assert sorted(path.read_bytes() for path in found.files) == sorted(strange)


def refuse(number):
    def refused(*_words, **_named):
        raise OSError(number, os.strerror(number))

    return refused


def test_bytes_as_far_as_there_are_any(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"x")
    assert read_if_there(tmp_path / "x") == b"x"
    assert read_if_there(tmp_path / "y") is None
    monkeypatch.setattr(Path, "read_bytes", refuse(errno.EACCES))
    assert read_if_there(tmp_path / "x") is None
    monkeypatch.setattr(Path, "read_bytes", refuse(errno.EMFILE))
    with pytest.raises(StoreError, match="too many open files"):
        read_if_there(tmp_path / "x")


def test_a_machine_that_cannot_list_a_folder_is_no_closed_folder(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: refuse(errno.EMFILE)() if path.endswith("in") else real(path))
    with pytest.raises(StoreError, match="can't read this folder: too many open files"):
        walk(tmp_path, IMAGES)


def test_only_our_own_old_half_written_files_are_dropped(tmp_path):
    names = (".lorabuild-1a-2b", ".lorabuild-1a-3c", ".lorabuild", "out-1a-2b", ".lorabuild-1-2d")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / ".lorabuild-1a-3c")
    (tmp_path / ".lorabuild-1-2d").unlink()
    (tmp_path / ".lorabuild-1-2d").mkdir()
    drop_half_written(tmp_path)
    drop_half_written(tmp_path / "nowhere")
    assert {path.name for path in tmp_path.iterdir()} == {*names[1:]}


def test_names_that_a_file_system_may_take_for_one_get_numbers():
    taken = []
    for name in ("Caf\u00e9", "cafe\u0301", "cafe", "CAF\u00c9", "cafe"):
        taken.append(numbered(name, lambda one: folded(one) not in map(folded, taken)))
    assert taken == ["Caf\u00e9", "cafe\u0301-2", "cafe", "CAF\u00c9-3", "cafe-2"]


def test_a_folder_that_takes_no_file_is_named(tmp_path, monkeypatch):
    files.hold_to_writable(tmp_path / "not/yet/there")
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)  # root may write everywhere
    with pytest.raises(StoreError, match="no file can be written") as caught:
        files.hold_to_writable(tmp_path / "not/yet/there")
    assert caught.value.where == str(tmp_path)
