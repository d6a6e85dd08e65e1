"""Side by side: where a machine has several GPUs, variants train on the others while the project trains on the first.

Each is trained by a process of its own into its private folder, and nowhere else. When its turn comes in the build, the
training found there is over, or goes on where it stands: so nothing depends on whether, or how far, this went well.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event, silent
from lorabuild.core.journal import Tail
from lorabuild.core.launch import Launch
from lorabuild.graph.variants import own

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lorabuild.core.item import Item
    from lorabuild.graph.view import View

STAGE = "lorabuild.stages.train"
PAUSE = 0.2


@dataclass
class Job:
    """A variant's training: where it is described, and how far it is."""

    name: str
    path: Path
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@dataclass
class Beside:
    """The trainings that go on beside the build.

    Attributes:
        root: the project's folder.
        places: how many GPUs there are.
        jobs: variant → its training.
        emit: hears how far each is.
    """

    root: Path
    places: int
    jobs: dict[str, Job]
    emit: Emit = silent
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, name: str | None = None) -> Job | None:
        """Take the next training that nobody has begun, or the one of this name; None where there is none left."""
        with self.lock:
            left = (job for job in self.jobs.values() if not job.begun.is_set() and name in (None, job.name))
            job = None if name is None and self.ended.is_set() else next(left, None)
            if job:
                job.begun.set()
            return job

    def wait(self, name: str) -> None:
        """Until this variant's training is over; at once where it waits still: then the build trains it itself."""
        job = self.jobs.get(name)
        if job and self.claim(name) is None:
            while not job.over.wait(PAUSE):
                pass

    def work(self, place: int) -> None:
        """One GPU's share: a training after the other."""
        from lorabuild.training.crew import Helper

        while job := self.claim():
            tail = Tail(job.path.parent)
            tail()  # what an earlier build said
            helper = Helper(Launch(0, 1, place, self.places), self.root, job.path, 0)
            while helper.process.poll() is None and not self.ended.wait(PAUSE):
                self._tell(job, tail())
            helper.end(gently=True)
            job.over.set()

    def _tell(self, job: Job, events: Sequence[dict[str, Any]]) -> None:
        """Pass on how far a training is; a terminal shows the one of the build itself."""
        for told in (event for event in events if event["event"] == "progress"):
            data = {word: value for word, value in told.items() if word not in ("event", "stage", "at")}
            self.emit(Event("beside", "train", {**data, "variant": job.name}))


@contextmanager
def beside(view: View, emit: Emit) -> Iterator[Beside | None]:
    """While the build goes on, variants train on the further GPUs; None where there is no further one."""
    places = _places(view)
    if places < 2:
        yield None
        return
    jobs = {one.variant: _job(one, item) for one in view.variants for item in own(one, "train").todo}
    trains = Beside(view.site.root, places, jobs, emit)
    if jobs:
        text = f"{', '.join(jobs)} train beside it: there are {places} GPUs"
        emit(Event("note", "train", {"code": "beside", "text": text}))
    threads = [threading.Thread(target=trains.work, args=(place,), daemon=True) for place in range(1, places)]
    for thread in threads:
        thread.start()
    try:
        yield trains
    finally:
        trains.ended.set()
        for thread in threads:
            thread.join()


def _places(view: View) -> int:
    """How many GPUs may be used; they are only counted where variants are to be trained."""
    if view.site.launch.size > 1 or view.project.device.type not in ("auto", "cuda"):
        return 1
    if not any(own(one, "train").todo for one in view.variants):
        return 1
    from lorabuild.training.crew import gpus

    return gpus()


def _job(view: View, item: Item) -> Job:
    folder = view.store.scratch(item.key)
    path: Any = import_module(STAGE).describe(item, view.site, folder, view.store.read)
    return Job(view.variant, path)
