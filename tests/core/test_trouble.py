import errno

import pytest

from lorabuild.core.errors import StageError, StoreError
from lorabuild.core.trouble import out_of_memory, passing, plainly, printable, trouble, within_memory


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


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "MPS backend out of memory (MPS allocated: 8.98 GB, other allocations: 1.00 GB, max allowed: 9.07 GB).",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried …",
        "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried …",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer of size 9",
    ],
)
def test_every_library_has_its_own_words_for_too_little_memory(text):
    assert out_of_memory(RuntimeError(text))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(StageError(text))
    with pytest.raises(StageError, match=r"^tag: the memory ran out\n  → .*device.batch"), within_memory("tag"):
        raise RuntimeError(text)


def test_other_errors_are_not_about_memory():
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert plainly(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    with pytest.raises(ValueError, match="mine"), within_memory("tag"):
        raise ValueError("mine")


def test_printable():
    assert printable("päth/\n\x1b[31m\udcff") == "päth/\\n\\x1b[31m\\udcff"
