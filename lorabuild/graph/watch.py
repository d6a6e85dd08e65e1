"""A watch: builds whenever something that lora.yaml names has changed and is quiet again.

Events mark folders; a look at these folders decides. Every build answers for the look that it began with: what changes
while it runs differs from that look, and is the next one's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lorabuild.core import heap
from lorabuild.core.errors import LorabuildError
from lorabuild.core.events import Emit, Event
from lorabuild.core.look import Look, Wanted, changes, look, places
from lorabuild.core.marks import Marks
from lorabuild.core.settling import Settling
from lorabuild.graph.build import build
from lorabuild.graph.inventory import relative
from lorabuild.graph.named import inputs, wanted
from lorabuild.graph.order import STAGES, up_to
from lorabuild.schema.loaded import FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lorabuild.graph.lastgood import LastGood, Reading
    from lorabuild.graph.wishes import Wishes

BEFORE_TRAINING = STAGES[STAGES.index("train") - 1]
RESCAN = 300.0  # seconds after which everything is looked at, whatever was heard
CALM = 0.05  # seconds to wait after a look that found nothing, lest noise keep the processor busy


def watch(settings: LastGood, wishes: Wishes, emit: Emit, *, poll: bool = False) -> NoReturn:
    """Build now and after every change, until interrupted. What fails is told, and the watch goes on.

    Args:
        settings: the project; it is read again before every build.
        wishes: how each build is wanted.
        emit: the sink for the events of the builds and these: ``watch_started`` (target, places), ``change`` (paths,
            waited), ``error`` (what, where, next, problems, text, goes_on), ``watch_idle``.
        poll: look at every folder each second, instead of listening to the system.
    """
    with Marks(lambda text: _note(emit, "polling", text), poll=poll) as marks:
        _Watch(settings, wishes, emit, marks).run()


def _note(emit: Emit, code: str, text: str) -> None:
    emit(Event("note", data={"code": code, "text": text}))


@dataclass
class _Watch:
    """What was looked at last, and what the last build answers for."""

    settings: LastGood
    wishes: Wishes
    emit: Emit
    marks: Marks
    clock: Callable[[], float] = time.monotonic
    settling: Settling = field(default_factory=Settling)
    wanted: Wanted = field(default_factory=dict)
    seen: Look = field(default_factory=dict)
    answered: Look = field(default_factory=dict)
    rescan: float = 0.0
    told: str = ""

    def run(self) -> NoReturn:
        """Build, wait, build."""
        site = self.settings.good.site
        named = [FILE, *(relative(site, path) for path in inputs(site) if path.exists())]
        self.emit(Event("watch_started", data={"target": up_to(self.wishes.targets)[-1], "places": named}))
        self._build([])
        while True:
            self._build(self._changed())

    def _changed(self) -> list[str]:
        """Wait until something has changed and is quiet; what it was."""
        idle = False
        while True:
            self._look()
            found, now = changes(self.answered, self.seen), self.clock()
            if self.settling.ripe(found, now):
                return list(found)
            if late := self.settling.late(now):
                _note(self.emit, "growing", f"{self._name(late)} is still being written; waiting until all is quiet")
            if found:
                self.marks.rest(self.settling.left(now))
                continue
            if idle:
                self.marks.rest(CALM)
            else:
                self.emit(Event("watch_idle"))
            idle = True
            self.marks.wait(self.rescan - now)

    def _look(self) -> None:
        """Look again at the marked folders, at those with changes, and once in a while at all."""
        dirty = self.marks.take() | {str(Path(path).parent) for path in self.settling.changed}
        if (now := self.clock()) >= self.rescan:
            self.seen, self.rescan = {}, now + RESCAN
        while True:
            self.seen = look(self.wanted, self.seen, dirty)
            dirty = self.marks.watch(places(self.seen))  # what happened before a watch began was not heard
            if not dirty:
                return

    def _build(self, paths: list[str]) -> None:
        """One round: say what changed, read the settings, build, tell what went wrong."""
        names = [self._name(path) for path in paths]
        waited = self.settling.waited(self.clock())
        self.emit(Event("change", data={"paths": names, "waited": round(waited, 3)}))
        reading = self._read()
        self.answered = self.seen
        self.settling.over()
        if (wrong := reading.wrong) and (reading.project is None or FILE in names or str(wrong) != self.told):
            self._tell(wrong, goes_on=reading.project is not None)
        self.told = str(wrong or "")
        if reading.project is None or (wrong and names == [FILE]):
            return
        try:
            build(reading.project, replace(self.wishes, seen=reading.seen), self.emit)
        except LorabuildError as error:
            self._tell(error)
        finally:
            heap.give_back()

    def _read(self) -> Reading:
        """The settings, read after a look at all that they name."""
        reading = self.settings.read()
        while (now := wanted(reading.named)) != self.wanted:
            self.wanted, self.rescan = now, 0.0
            self._look()
            reading = self.settings.read()
        return reading

    def _tell(self, error: LorabuildError, *, goes_on: bool = False) -> None:
        told = {"what": error.what, "where": error.where, "next": error.next_step, "text": str(error)}
        self.emit(Event("error", data={**told, "problems": getattr(error, "problems", []), "goes_on": goes_on}))

    def _name(self, path: str) -> str:
        return relative(self.settings.good.site, Path(path))
