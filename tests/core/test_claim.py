import os
import signal
import subprocess
import sys
import threading

import pytest

from lorabuild.core.claim import claim
from lorabuild.core.claim import holder as at_work
from lorabuild.core.errors import BusyError, StoreError

HOLDER = """
import sys
from pathlib import Path
from lorabuild.core.claim import claim
with claim(Path(sys.argv[1]), wait=True, say=print):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".lorabuild"


@pytest.fixture
def holder(folder):
    """Another process that holds the store until it gets a line."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def never(text):
    raise AssertionError(text)


def test_a_free_store_is_claimed_at_once(folder):
    for _ in range(2):
        with claim(folder, wait=False, say=never):
            assert (folder / "holder").read_text(encoding="ascii") == str(os.getpid())
        assert not (folder / "holder").exists()


def test_a_second_claimant_fails_or_waits(folder, holder):
    with pytest.raises(BusyError, match=f"process {holder.pid}") as caught, claim(folder, wait=False, say=never):
        pass
    assert "--no-wait" in caught.value.next_step
    told = []

    def say(text):
        told.append(text)
        threading.Timer(0.2, holder.communicate, ["\n"]).start()

    with claim(folder, wait=True, say=say):
        assert holder.wait(10) == 0
    assert len(told) == 1
    assert f"process {holder.pid}" in told[0]
    assert "waiting" in told[0]


def test_a_killed_holder_lets_go(folder, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (folder / "holder").exists()
    with claim(folder, wait=False, say=never):
        pass


def test_a_holder_that_left_no_name(folder, holder):
    (folder / "holder").write_text("?", encoding="ascii")
    with pytest.raises(BusyError, match="another lorabuild is building"), claim(folder, wait=False, say=never):
        pass


def test_what_a_killed_writer_left_is_swept(folder):
    (folder / "tmp").mkdir(parents=True)
    (folder / "tmp" / "half").write_bytes(b"x")
    with claim(folder, wait=False, say=never):
        assert [path.name for path in (folder / "tmp").iterdir()] == []


def test_the_claim_ends_with_an_error(folder):
    with pytest.raises(ValueError, match="mine"), claim(folder, wait=False, say=never):
        raise ValueError("mine")
    with claim(folder, wait=False, say=never):
        pass


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="can't lock the store"), claim(tmp_path / "file" / "x", wait=True, say=never):
        pass


def test_who_is_at_work_can_be_asked_without_a_trace(folder, holder):
    assert f"process {holder.pid}" in at_work(folder)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert at_work(folder) == ""


def test_nobody_is_at_work_where_there_is_no_store(folder):
    assert at_work(folder) == ""
    assert not folder.exists()
