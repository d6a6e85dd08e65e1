"""lorabuild.core.objects: objects in a folder."""

import errno

import pytest

from lorabuild.core import files
from lorabuild.core.errors import StoreError
from lorabuild.core.objects import FolderObjects, Span


@pytest.fixture
def objects(tmp_path):
    return FolderObjects(tmp_path / "place")


def test_what_is_written_is_listed_and_read(objects):
    objects.write("v1/ac/tag/one", b"first")
    objects.write("v1/ac/tag/two", b"second one")
    assert objects.names("v1/ac/tag") == {"v1/ac/tag/one": 5, "v1/ac/tag/two": 10}
    spans = [Span("v1/ac/tag/two", 7, 3), Span("v1/ac/tag/none", 0, 3), Span("v1/ac/tag/one", 3, 9)]
    assert objects.read(spans) == [b"one", None, b"st"]
    assert objects.size("v1/ac/tag/two") == 10
    assert objects.size("v1/ac/tag/none") is None


def test_a_place_that_is_not_there_is_empty(objects):
    assert objects.names("v1/ac/tag") == {}
    assert not objects.folder.exists()


def test_an_object_is_made_once_and_replaced_when_asked(objects):
    objects.write("v1/one", b"first")
    objects.write("v1/one", b"other")
    assert objects.read([Span("v1/one", 0, 5)]) == [b"first"]
    objects.write("v1/one", b"other", replace=True)
    assert objects.read([Span("v1/one", 0, 5)]) == [b"other"]


def test_what_a_killed_writer_left_is_not_listed(objects):
    objects.write("v1/ac/tag/one", b"first")
    (objects.folder / "v1/ac/tag/.lorabuild-1-2").write_bytes(b"ha")
    assert list(objects.names("v1/ac/tag")) == ["v1/ac/tag/one"]


def test_a_full_disk_is_told_and_leaves_nothing(objects, monkeypatch):
    def full(_path, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_plain", full)
    with pytest.raises(StoreError, match="the disk is full"):
        objects.write("v1/one", b"first")
    assert objects.size("v1/one") is None


def test_a_place_that_is_no_folder_is_told(objects):
    objects.folder.write_bytes(b"a file")
    with pytest.raises(StoreError, match="can't write"):
        objects.write("v1/one", b"first")


def test_a_span_knows_its_end():
    assert Span("one", 3, 4).end == 7
