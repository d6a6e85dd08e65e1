import subprocess
import sys
from pathlib import Path

import pytest

import lorabuild
from lorabuild.core.errors import BlobError
from lorabuild.core.store import Store
from lorabuild.graph.worker import Lent
from lorabuild.training.crew import small

KEY = "b3:" + "1" * 64


@pytest.fixture
def held(tmp_path):
    """A store with a large blob and a small one, what a job tells, and what the helper reads through."""
    with Store(tmp_path) as store:
        with store.writer("text") as door:
            large, little = door.write(b"x" * 20_000), door.write(b"little")
            store.commit(())
        told = {"key": KEY, "reads": {"records": [{"latents": large, "texts": [[little, None]], "pixels": KEY}]}}
        found = small(told, store.scratch(KEY), store.read)
        yield large, little, found, Lent(store.scratch(KEY), found)


def test_small_blobs_travel_and_large_ones_are_read_where_they_lie(held):
    large, little, found, lent = held
    assert found == {little: b"little".hex()}
    assert lent.read(little) == b"little"
    assert lent.read(large) == b"x" * 20_000


def test_what_is_gone_or_damaged_is_no_blob(held):
    _, little, _, lent = held
    lent.small[little] = b"other".hex()
    with pytest.raises(BlobError, match="is damaged"):
        lent.read(little)
    with pytest.raises(BlobError, match="can't be read"):
        lent.read(KEY)
    assert lent.scratch(KEY).parent.name == "work"


def test_a_helper_writes_nothing(held):
    lent = held[3]
    for write in (lent.write, lent.done, lent.aside):
        with pytest.raises(AssertionError):
            write(b"")


def test_it_leaves_with_the_process_that_started_it():
    code = (
        "import threading, time; from lorabuild.graph import worker;"
        "threading.Thread(target=worker._leave_with_leader, daemon=True).start();"
        "print('up', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code]
    root = str(Path(lorabuild.__file__).parents[1])
    with subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.stdin.close()  # as the system does when its owner is killed
        assert process.wait(timeout=20) == 1
