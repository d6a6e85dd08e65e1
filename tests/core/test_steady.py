import errno
import os
from pathlib import Path

import pytest

from lorabuild.core.digest import digest
from lorabuild.core.errors import StoreError
from lorabuild.core.stamps import stamp
from lorabuild.core.steady import UnsteadyError, steady_digest


def once(change):
    """A look at files that makes a change behind the first reading."""
    left = [change]

    def look(what):
        if isinstance(what, str) and left:
            left.pop()()
        return os.stat(what)  # noqa: PTH116 -- it may be a descriptor

    return look


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "x"
    made.write_bytes(b"first")
    return str(made)


def test_a_quiet_file(path):
    assert steady_digest(path) == (digest(b"first"), stamp(Path(path).stat()))


def write(path, data):
    Path(path).write_bytes(data)


def replace(path, data):
    write(path + "2", data)
    Path(path + "2").replace(path)


@pytest.mark.parametrize("change", [write, replace])
def test_a_file_changed_under_the_reading_is_read_again(path, change):
    look = once(lambda: change(path, b"second one"))
    found, mark = steady_digest(path, look, pause=0)
    assert found == digest(b"second one")
    assert mark == stamp(Path(path).stat())


def test_a_file_cut_short_while_it_is_read(path):
    look = once(lambda: os.truncate(path, 0))
    assert steady_digest(path, look, pause=0)[0] == digest(b"")


def test_a_file_that_never_rests(path):
    def look(what):
        if isinstance(what, str):
            with Path(what).open("ab") as file:
                file.write(b"more")
        return os.stat(what)  # noqa: PTH116 -- it may be a descriptor

    with pytest.raises(UnsteadyError, match="keeps changing") as caught:
        steady_digest(path, look, pause=0)
    assert "finish" in caught.value.next_step


def test_a_file_that_goes(path):
    with pytest.raises(UnsteadyError, match="no such file"):
        steady_digest(path, once(lambda: Path(path).unlink()), pause=0)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsteadyError, match="not an ordinary file"):
        steady_digest(str(tmp_path / "pipe"))


def test_too_many_open_files(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="too many open files") as caught:
        steady_digest(path)
    assert "ulimit" in caught.value.next_step
