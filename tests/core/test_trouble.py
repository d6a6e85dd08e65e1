import errno

import pytest

from lorabuild.core.errors import StoreError
from lorabuild.core.trouble import printable, trouble


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "ulimit"),
        (errno.EIO, "input/output"),
    ],
)
def test_a_refusal_in_plain_words(number, words):
    with pytest.raises(StoreError) as caught, trouble("write this file", "/x/y"):
        raise OSError(number, "Input/output error" if number == errno.EIO else "")
    assert words in str(caught.value)
    assert caught.value.where == "/x/y"


def test_other_errors_pass():
    with pytest.raises(ValueError, match="mine"), trouble("write", "x"):
        raise ValueError("mine")


def test_printable():
    assert printable("päth/\n\x1b[31m\udcff") == "päth/\\n\\x1b[31m\\udcff"
