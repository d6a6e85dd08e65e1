import pytest

from lorabuild.core.errors import LorabuildError, StoreError
from lorabuild.core.objects import FolderObjects
from lorabuild.publish import place


class Response:
    def __init__(self, status):
        self.status_code = status


def refused(status):
    error = RuntimeError("no")
    error.response = Response(status)
    return error


def test_a_folder_says_what_it_has(tmp_path):
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"othe")
    (tmp_path / "c").write_bytes(b"longer")
    store = place.Store("there", FolderObjects(tmp_path))
    files = {"a": b"same", "b": b"this", "c": b"this", "d": b"this"}
    assert store.compare(files) == {"a": place.SAME, "b": place.OTHER, "c": place.OTHER, "d": place.NEW}


def test_the_sums_come_last(tmp_path):
    written = []

    class Noting(FolderObjects):
        def write(self, name, data, *, replace=False):
            written.append(name)
            super().write(name, data, replace=replace)

    place.Store("there", Noting(tmp_path)).upload({"SHA256SUMS": b"", "a": b"", "z": b""})
    assert written == ["a", "z", "SHA256SUMS"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(403), r"there refuses: you may not write there \(403\)"),
        (refused(500), "there does not serve: RuntimeError: no"),
        (ConnectionError(), "there can't be reached"),
        (TimeoutError(), "there does not answer"),
        (ImportError(name="s3fs"), "there needs the Python package s3fs"),
    ],
)
def test_what_goes_wrong_is_told_in_a_person_s_words(error, said):
    with pytest.raises(LorabuildError, match=said), place.answering("there"):
        raise error


def test_what_is_told_already_stays_as_it_is():
    with pytest.raises(StoreError, match="as it is"), place.answering("there"):
        raise StoreError("as it is")
