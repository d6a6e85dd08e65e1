import threading
import time
from pathlib import Path
from types import SimpleNamespace

import light
import pytest

from lorabuild.core.events import Event, silent
from lorabuild.core.journal import Journal
from lorabuild.graph import beside as module
from lorabuild.graph.beside import Beside, Job, beside
from lorabuild.graph.variants import attach
from lorabuild.training import crew


class Helper:
    """A process that is over once it is let go."""

    made: list = []  # noqa: RUF012 - one list for all of them, emptied by each test
    free = threading.Event()

    def __init__(self, launch, _root, job, _number):
        Helper.made.append((launch.local, job.name))
        self.process = SimpleNamespace(poll=lambda: 0 if Helper.free.is_set() else None)

    def end(self, *, gently):
        assert gently


@pytest.fixture(autouse=True)
def _no_process(monkeypatch):
    monkeypatch.setattr(crew, "Helper", Helper)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    Helper.made.clear()
    Helper.free.clear()


def trainings(*names):
    return Beside(Path(), 2, {name: Job(name, Path(f"{name}.json")) for name in names})


def started(trains):
    thread = threading.Thread(target=trains.work, args=(1,), daemon=True)
    thread.start()
    while not Helper.made:
        pass
    return thread


def test_a_gpu_takes_one_after_the_other_and_the_build_waits_for_what_has_begun():
    trains = trainings("a", "b")
    thread = started(trains)
    trains.wait("b")  # nobody has begun it: the build trains it itself
    assert Helper.made == [(1, "a.json")]
    waiting = threading.Thread(target=trains.wait, args=("a",))
    waiting.start()
    waiting.join(timeout=0.1)
    assert waiting.is_alive()
    Helper.free.set()
    waiting.join(timeout=10)
    thread.join(timeout=10)
    assert Helper.made == [(1, "a.json")]
    trains.wait("of no job")


def test_how_far_it_is_is_passed_on_under_its_name(tmp_path):
    heard = []
    with Journal(tmp_path, silent, ("train",)) as journal:
        journal(Event("progress", "train", {"done": 1, "total": 9}))  # of an earlier build
    trains = Beside(Path(), 2, {"a": Job("a", tmp_path / "a.json")}, heard.append)
    thread = started(trains)
    with Journal(tmp_path, silent, ("train",)) as journal:
        journal(Event("note", "train", {"text": "x"}))
        journal(Event("progress", "train", {"done": 9, "total": 9, "loss": 0.1}))
        end = time.monotonic() + 10
        while not heard:
            assert time.monotonic() < end
    Helper.free.set()
    thread.join(timeout=10)
    assert heard == [Event("beside", "train", {"done": 9, "total": 9, "loss": 0.1, "variant": "a"})]


def test_the_end_of_the_build_is_theirs():
    trains = trainings("a", "b")
    thread = started(trains)
    trains.ended.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert Helper.made == [(1, "a.json")]


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_with_one_gpu_or_none_nothing_is_beside(project, device, monkeypatch):
    monkeypatch.setattr(crew, "gpus", lambda: 1)
    light.write(project, variants={"rank32": {"network.dim": 32}}, device={"type": device})
    light.built(project)
    with light.viewed(project) as view:
        attach(view, light.opened(project))
        with beside(view, lambda event: None) as found:
            assert found is None
