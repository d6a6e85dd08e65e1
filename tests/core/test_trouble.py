import errno

import pytest

from lorabuild.core.errors import StoreError
from lorabuild.core.trouble import passing, plainly, printable, trouble


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "ulimit"),
        (errno.EIO, "disk errors"),
        (errno.EFBIG, "ulimit -f"),
        (errno.ENXIO, "no such device"),
    ],
)
def test_a_refusal_in_plain_words(number, words):
    with pytest.raises(StoreError) as caught, trouble("write this file", "/x/y"):
        raise OSError(number, "No such device" if number == errno.ENXIO else "")
    assert words in str(caught.value)
    assert caught.value.where == "/x/y"


def test_other_errors_pass():
    with pytest.raises(ValueError, match="mine"), trouble("write", "x"):
        raise ValueError("mine")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_what_the_machine_cannot_do_says_nothing_of_the_file(number):
    assert passing(OSError(number, ""))


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG])
def test_what_a_file_refuses_does(number):
    assert not passing(OSError(number, ""))


def test_a_refusal_that_nobody_expected_is_put_in_plain_words():
    said = plainly(OSError(errno.ENOSPC, "No space left", "/x/y"))
    assert str(said).startswith("/x/y: can't go on: the disk is full")
    assert said.next_step
    assert plainly(OSError(errno.ENOENT, "No such file", "/x/y")) is None


def test_printable():
    assert printable("päth/\n\x1b[31m\udcff") == "päth/\\n\\x1b[31m\\udcff"
