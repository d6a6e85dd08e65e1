import os
import shutil

import pytest

from lorabuild.core.look import changes, look, places


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "below/c.png"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "data"


def whole(folder):
    return {str(folder): None}


def changed(folder, before, after):
    return {os.path.relpath(path, folder): mark is None or mark.size for path, mark in changes(before, after).items()}


def test_a_look_finds_all_that_is_not_hidden_and_the_folders_below(folder):
    for name in (".hidden", ".hidden_folder/x.png", "a.png~", "d.png.part"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    seen = look(whole(folder))
    assert {path: sorted(listing.files) for path, listing in seen.items()} == {
        str(folder): ["a.png", "b.png"],
        str(folder / "below"): ["c.png"],
    }


def test_of_a_folder_that_is_not_wanted_whole_only_the_named_files_are_seen(folder):
    seen = look({str(folder): frozenset({"a.png", "not there"})})
    assert {path: sorted(listing.files) for path, listing in seen.items()} == {str(folder): ["a.png"]}


def test_what_is_wanted_whole_and_by_name_is_seen_whole(folder):
    seen = look({str(folder / "below"): frozenset({"c.png"}), str(folder): None})
    assert sorted(seen[str(folder / "below")].files) == ["c.png"]
    assert sorted(seen[str(folder)].files) == ["a.png", "b.png"]


def test_changes_name_what_is_new_different_and_gone(folder):
    before = look(whole(folder))
    (folder / "a.png").write_bytes(b"longer than before")
    (folder / "b.png").unlink()
    (folder / "below/deeper").mkdir()
    (folder / "below/deeper/d.png").write_bytes(b"1234")
    after = look(whole(folder))
    assert changed(folder, before, after) == {"a.png": 18, "b.png": True, "below/deeper/d.png": 4}
    assert changes(after, after) == {}
    assert changes(after, look(whole(folder))) == {}


def test_only_dirty_folders_are_read_again(folder):
    before = look(whole(folder))
    (folder / "a.png").write_bytes(b"other")
    assert changes(before, look(whole(folder), before)) == {}  # its folder looks the same: nobody said otherwise
    assert changed(folder, before, look(whole(folder), before, {str(folder)})) == {"a.png": 5}


def test_a_folder_whose_names_changed_is_read_again_without_being_told(folder):
    before = look(whole(folder))
    (folder / "below/new.png").write_bytes(b"1")
    os.utime(folder / "below", ns=(1, 1))
    assert changed(folder, before, look(whole(folder), before)) == {"below/new.png": 1}


def test_a_folder_that_is_gone_takes_its_files_along_and_brings_them_back(folder):
    before = look(whole(folder))
    shutil.move(folder, folder.with_name("elsewhere"))
    gone = look(whole(folder), before)
    assert changed(folder, before, gone) == {"a.png": True, "b.png": True, "below/c.png": True}
    assert gone[str(folder)].own is None
    shutil.move(folder.with_name("elsewhere"), folder)
    assert changes(before, look(whole(folder), gone)) == {}


def test_links_are_followed_and_circles_are_not(folder, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/far.png").write_bytes(b"far")
    (folder / "far.png").symlink_to(tmp_path / "raw/far.png")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "below/up").symlink_to(folder)
    before = look(whole(folder))
    assert set(before) == {str(folder), str(folder / "below")}
    assert before[str(folder)].files["far.png"].size == 3
    (tmp_path / "raw/far.png").write_bytes(b"farther")
    assert changed(folder, before, look(whole(folder))) == {"far.png": 7}
    real = os.path.realpath(tmp_path / "raw")
    assert places(before)[real] == {str(folder)}


def test_places_are_real_folders_that_exist(folder, tmp_path):
    link = tmp_path / "linked"
    link.symlink_to(folder)
    seen = look({str(link): None, str(tmp_path / "missing"): None, str(tmp_path): frozenset()})
    real = os.path.realpath(folder)
    assert places(seen) == {
        os.path.realpath(tmp_path): {str(tmp_path)},
        real: {str(link)},
        f"{real}{os.sep}below": {str(link / "below")},
    }


def test_a_folder_that_may_not_be_read_is_empty(folder, monkeypatch):
    def closed(_path):
        raise PermissionError

    monkeypatch.setattr(os, "scandir", closed)
    assert look(whole(folder))[str(folder)].files == {}


def test_names_that_are_no_text_are_seen(folder):
    name = os.fsdecode(b"\xff.png")
    (folder / name).write_bytes(b"1")
    assert name in look(whole(folder))[str(folder)].files
