"""lorabuild.core.remote: objects at an address, and what is said when it does not serve."""

import errno
import sys
import threading

import far
import pytest

from lorabuild.core import remote
from lorabuild.core.errors import StoreError
from lorabuild.core.objects import FolderObjects, Span
from lorabuild.core.remote import FarObjects, objects_at, plainly, without_password


@pytest.fixture(scope="module")
def s3():
    with far.s3():
        yield


@pytest.fixture(params=[f"s3://{far.BUCKET}", "memory:/"])
def objects(request, s3, tmp_path):
    """Objects that fsspec keeps: a file system that asks for many at once, and one that doesn't."""
    return objects_at(f"{request.param}/{tmp_path.name}/b")


def failure(objects):
    """What listing raises; the libraries have many kinds."""
    try:
        found = objects.names("v1/ac/tag")
    except Exception as error:  # noqa: BLE001 – whatever it is
        return error
    return pytest.fail(f"this was listed: {found}")


def test_what_is_written_is_listed_and_read(objects):
    objects.write("v1/ac/tag/one", b"first")
    objects.write("v1/ac/tag/two", b"second one")
    objects.write("v1/ac/text/three", b"third")
    assert objects.names("v1/ac/tag") == {"v1/ac/tag/one": 5, "v1/ac/tag/two": 10}
    spans = [Span("v1/ac/tag/two", 7, 3), Span("v1/ac/tag/none", 0, 3), Span("v1/ac/tag/one", 0, 5)]
    assert objects.read(spans) == [b"one", None, b"first"]
    assert objects.size("v1/ac/tag/two") == 10


def test_what_is_not_there_is_no_fault(objects):
    assert objects.names("v1/ac/tag") == {}
    assert objects.size("v1/ac/tag/one") is None
    assert objects.read([]) == []


def test_an_object_is_made_once_and_replaced_when_asked(objects):
    objects.write("v1/one", b"first")
    objects.write("v1/one", b"other")
    assert objects.read([Span("v1/one", 0, 5)]) == [b"first"]
    objects.write("v1/one", b"other", replace=True)
    assert objects.read([Span("v1/one", 0, 5)]) == [b"other"]


def test_bytes_behind_the_end_of_an_object_are_not_there(objects):
    objects.write("v1/short", b"cut")
    assert objects.read([Span("v1/short", 10, 5)])[0] in (None, b"")
    assert objects.read([Span("v1/short", 0, 5)]) == [b"cut"]


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    "use", [lambda far_away: far_away.names("v1"), lambda far_away: far_away.write("v1/one", b"first")]
)
def test_a_bucket_that_is_not_there_is_told(use):
    with pytest.raises(FileNotFoundError, match="bucket") as caught:
        use(objects_at("s3://nowhere/a"))
    assert "bucket" in plainly(caught.value)


def test_an_address_of_a_folder_needs_no_fsspec(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    found = objects_at(f"{tmp_path.as_uri()}/a%20b")
    assert isinstance(found, FolderObjects)
    assert found.folder == tmp_path / "a b"
    assert objects_at("file:///C:/team").folder.as_posix() == "C:/team"


def test_a_folder_with_too_few_slashes_is_told():
    with pytest.raises(StoreError, match="three slashes") as caught:
        objects_at("file://mnt/team")
    assert "file:///mnt/team" in caught.value.next_step
    assert "three slashes" in plainly(caught.value)


def test_missing_packages_are_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError) as caught:
        objects_at("s3://team")
    assert plainly(caught.value).endswith("pip install 'lorabuild[remote]'")
    assert "fsspec" in plainly(caught.value)


def test_an_unknown_kind_of_address_is_told():
    with pytest.raises(ValueError, match="nosuch") as caught:
        objects_at("nosuch://team")
    assert "nosuch" in plainly(caught.value)


def test_a_call_that_takes_too_long_is_left_behind(monkeypatch, tmp_path):
    objects, stuck = FarObjects(f"memory://{tmp_path.name}"), threading.Event()
    monkeypatch.setattr(remote, "PATIENCE", 0.05)
    monkeypatch.setattr(objects.fs, "find", lambda *_args, **_words: stuck.wait(30), raising=False)
    with pytest.raises(TimeoutError) as caught:
        objects.names("v1")
    stuck.set()
    assert plainly(caught.value) == "does not answer (timeout)"


@pytest.mark.parametrize(
    ("manner", "told"),
    [
        ("silent", "does not answer (timeout)"),
        ("refusing", "refuses access (403"),
        ("failing", "does not serve"),
        ("cut_off", "can't be reached"),
    ],
)
def test_a_server_that_misbehaves_is_told_in_plain_words(manner, told, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 1.0 if manner == "silent" else 20.0)
    with far.misbehaving(manner) as server:
        objects = objects_at(f"s3://{far.BUCKET}/a")
        assert plainly(failure(objects)).startswith(told)
        assert server.asked or manner == "silent"  # a busy machine may lose patience before it has asked


def test_reading_where_access_is_refused_is_a_fault_and_no_miss():
    with far.misbehaving("refusing"), pytest.raises(PermissionError):
        objects_at(f"s3://{far.BUCKET}/a").read([Span("v1/one", 0, 5)])


def test_where_nobody_listens_there_is_no_connection():
    with far.nobody():
        assert plainly(failure(objects_at(f"s3://{far.BUCKET}/a"))) == "can't be reached (no connection)"


@pytest.mark.usefixtures("s3")
def test_missing_credentials_are_told(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    told = plainly(failure(objects_at(f"s3://{far.BUCKET}/a")))
    assert told == "refuses access (403, or no credentials)"


def test_other_errors_keep_their_words():
    assert plainly(OSError(errno.EIO, "odd\n trouble")).endswith("odd trouble")
    assert plainly(RuntimeError()) == "does not serve: RuntimeError"


def test_a_password_is_not_printed():
    assert without_password("sftp://someone:secret@host/a@b") == "sftp://host/a@b"
    assert without_password("s3://team/a") == "s3://team/a"
