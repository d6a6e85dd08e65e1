"""What a process frees stays its own, until it gives it back."""

import subprocess
import sys

import pytest

WORDS = """
from pathlib import Path
from lorabuild.core import heap

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if "VmRSS" in line)

def used():
    held = [bytearray(b"x") * (40 << 20) for _ in range(4)]
    del held
    return resident()

before = resident()
heap.give_back()  # nothing is kept yet
freed, kept = used() - before, heap.keep() and used() - before
heap.give_back()
print(freed, kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_freed_memory_is_kept_and_given_back():
    done = subprocess.run([sys.executable, "-c", WORDS], capture_output=True, text=True, check=True)
    freed, kept, after = map(int, done.stdout.split())
    assert freed < 40
    assert kept > 100
    assert after < 40


SOME = """
{resident}

kept = heap.keep_some(32 << 20)
before = resident()
for _ in range(9):
    held = [bytearray(b"x") * (5 << 20) for _ in range(20)]
    del held
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_some_of_the_freed_memory_is_kept():
    words = SOME.replace("{resident}", WORDS[: WORDS.index("def used")])
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    kept, stayed = done.stdout.split()
    assert kept == "True"
    assert int(stayed) < 50
