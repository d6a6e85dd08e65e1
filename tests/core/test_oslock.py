import subprocess
import sys

import pytest

from lorabuild.core.oslock import OSLock

HOLDER = """
import sys
from pathlib import Path
from lorabuild.core.oslock import OSLock
assert OSLock(Path(sys.argv[1])).take(wait=True)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has the lock until it is killed or gets a line."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_one_has_it_at_a_time(tmp_path):
    first, second = OSLock(tmp_path / "lock"), OSLock(tmp_path / "lock")
    assert first.take(wait=False)
    assert not second.take(wait=False)
    first.free()
    assert second.take(wait=True)
    second.free()


def test_another_process_has_it(tmp_path, holder):
    assert not OSLock(tmp_path / "lock").take(wait=False)
    holder.stdin.write("go\n")
    holder.stdin.flush()
    lock = OSLock(tmp_path / "lock")
    assert lock.take(wait=True)
    lock.free()


def test_it_goes_with_a_killed_process(tmp_path, holder):
    holder.kill()
    holder.wait()
    lock = OSLock(tmp_path / "lock")
    assert lock.take(wait=False)
    lock.free()


def test_filelock_sees_it(tmp_path):
    """A lorabuild that locked with filelock, and the leases, must not take what is taken."""
    filelock = pytest.importorskip("filelock")
    lock = OSLock(tmp_path / "lock")
    assert lock.take(wait=False)
    with pytest.raises(filelock.Timeout):
        filelock.FileLock(tmp_path / "lock").acquire(timeout=0)
    lock.free()


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        OSLock(tmp_path / "no folder/lock").take(wait=False)
