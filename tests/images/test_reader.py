"""Processes that read pictures, seen through ``pool.in_order``; what they are to do is an expression here."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, picture

from lorabuild.core.errors import StoreError
from lorabuild.images import pool, room
from lorabuild.images.decode import UnreadableError, prepare, probe

ROOT = Path(__file__).parents[2]
KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"
PLAIN = pool.plain(__import__("lorabuild.schema.images", fromlist=["Images"]).Images())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Everything is done in processes, from the first on; afterwards none is left."""
    begun = []

    def free(crew):
        begun.append(crew)
        return crew.idle.pop() if crew.idle else crew._another()

    monkeypatch.setattr(pool._Crew, "_free", free)
    yield
    assert all(process._popen.poll() is not None for crew in begun for process in crew.all)
    assert room.whole.used == 0


def answers(asked, workers=2, work=eval):
    events = []
    found = [answer for _, answer in pool.in_order(work, asked, workers, 1, events.append, "scan")]
    return found, [event.data["text"] for event in events]


def test_answers_come_in_the_order_asked():
    slow = [f"__import__('time').sleep({0.002 * (number % 3)}) or {number}" for number in range(40)]
    assert answers(slow, 3) == (list(range(40)), [])


def test_another_process_does_it():
    found, _ = answers(["__import__('os').getpid()"] * 8)
    assert os.getpid() not in found
    assert len(set(found)) <= 2


def test_pictures_have_the_bytes_that_they_have_here():
    data = [encoded(picture(40 + number, 30), kind) for kind in ("png", "jpg", "webp") for number in range(4)]
    assert answers(data, work=probe)[0] == [probe(one) for one in data]
    found, _ = answers(data, work=partial(prepare, settings=PLAIN))
    for one, made in zip(data, found, strict=True):
        assert np.array_equal(np.asarray(made.image), np.asarray(prepare(one, PLAIN).image))


def test_what_the_work_raises_is_raised_here():
    with pytest.raises(UnreadableError, match="empty"):
        answers([b""], work=probe)
    told = "__import__('lorabuild.core.errors').core.errors.StoreError('no', where='there', next_step='look')"
    with pytest.raises(StoreError) as raised:
        answers([f"(_ for _ in ()).throw({told})"])
    assert (raised.value.where, raised.value.next_step) == ("there", "look")


def test_a_picture_that_ends_its_process_twice_is_unreadable_and_the_others_go_on():
    found, notes = answers(["1", KILLED, "3", "4", KILLED, "6"])
    assert [found[place] for place in (0, 2, 3, 5)] == [1, 3, 4, 6]
    for place in (1, 4):
        assert isinstance(found[place], UnreadableError)
        assert "was ended by SIGKILL, and the next one was ended by SIGKILL" in found[place].what
    assert notes == ["a process that reads pictures was ended by SIGKILL; another one goes on"] * 2


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("__import__('ctypes').string_at(0)", "was ended by SIGSEGV"),
        ("__import__('os').abort()", "was ended by SIGABRT"),
        ("__import__('os')._exit(3)", "ended with 3"),
        ("bytearray(1 << 60)", "ran out of memory"),
    ],
)
def test_it_says_how_a_process_ended(end, how):
    (found,), _ = answers([end])
    assert f"{how}, and the next one {how}" in found.what


def test_a_process_that_was_killed_while_it_had_nothing_to_do_costs_nothing():
    asked = ["__import__('os').getpid()"] * 3
    each = pool.in_order(eval, asked, 1)
    first = next(each)[1]
    os.kill(first, signal.SIGKILL)
    assert all(isinstance(found, int) for _, found in each)


def test_what_a_decoder_prints_is_no_answer():
    assert answers(["print('hello') or 1", "__import__('os').write(1, b'xxx')"])[0] == [1, 3]


def test_large_pictures_wait_for_each_other(monkeypatch):
    most = []

    class Watched(room.Room):
        def take(self, pixels):
            super().take(pixels)
            most.append(self.used)

    monkeypatch.setattr(room, "whole", Watched(2_500_000))
    data = [encoded(picture(1200, 1000))] * 6 + [encoded(picture(2000, 1400))]
    found, _ = answers(data, 3, probe)
    assert {one.width for one in found} == {1200, 2000}
    assert len(most) == 7
    assert max(most) == 2_800_000  # the last one, alone
    assert sorted(most)[-2] <= 2_400_000
    assert room.whole.used == 0


@pytest.mark.parametrize("executable", ["/nowhere/python", "/bin/false"])
def test_where_no_process_can_be_started_it_is_done_here(monkeypatch, executable):
    monkeypatch.undo()
    monkeypatch.setattr(pool, "PAYS", 0)
    monkeypatch.setattr(sys, "executable", executable)
    slow = [f"__import__('time').sleep(0.005) or {number}" for number in range(60)]
    found, notes = answers(slow)
    assert found == list(range(60))
    assert notes
    assert all("; this one reads them" in note for note in notes)


def test_it_loads_nothing_heavy():
    rooms = ("stages.scan", "stages.prepare", "stages.latents", "stages.tag", "images.masks", "images.looked")
    modules = [f"lorabuild.{name}" for name in (*rooms, "taggers.session", "taggers.square")]
    heavy = {"torch", "pydantic", "diffusers", "transformers", "onnxruntime", "yaml", "rich"}
    loaded = f"[__import__(name) for name in {modules}] and {heavy} & set(__import__('sys').modules)"
    assert answers([loaded])[0] == [set()]


def test_it_has_one_thread():
    threads = "__import__('numpy') and __import__('threading').active_count()"
    assert answers([threads])[0] == [2]  # the one that listens, and the one that works
    if Path("/proc/self/task").is_dir():
        assert answers(["__import__('numpy') and len(__import__('os').listdir('/proc/self/task'))"])[0] == [2]


LEADER = """
    import sys, time
    from lorabuild.images import pool
    crew = pool._Crew(eval, 9, 1)
    process = crew._another()
    print(process.ask("__import__('os').getpid()"), flush=True)
    process.ask("__import__('time').sleep(600)")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals")
@pytest.mark.parametrize("by", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_it_ends_with_its_leader_also_while_it_is_at_work(by):
    words = [sys.executable, "-c", textwrap.dedent(LEADER)]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, **told) as leader:
        reader = int(leader.stdout.readline())
        leader.send_signal(getattr(signal, by))
    until = time.monotonic() + 20
    while running(reader) and time.monotonic() < until:
        time.sleep(0.02)
    assert not running(reader)


def running(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
