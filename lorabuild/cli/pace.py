"""How fast a stage goes: rate and time left for stages that don't say it themselves."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lorabuild.core.events import Event

SOONEST = 1.0


@dataclass(slots=True)
class Pace:
    """Measures from the first progress of a stage, so that loading a model doesn't count.

    Attributes:
        clock: seconds.
        stage: the stage that is measured.
        first: (when, done) at its first progress.
    """

    clock: Callable[[], float] = time.monotonic
    stage: str = ""
    first: tuple[float, float] = (0.0, 0.0)

    def __call__(self, event: Event) -> Event:
        """The event, with ``rate`` (a second) and ``left`` (seconds) where a second's work shows them.

        The stage of a variant is called after it, ``rank32: train``.
        """
        if event.stage and (variant := event.data.get("variant")):
            event = replace(event, stage=f"{variant}: {event.stage}")
        if event.kind == "stage":
            self.stage = ""
        if event.kind != "progress":
            return event
        now, done = self.clock(), event.data["done"]
        if event.stage != self.stage:
            self.stage, self.first = event.stage, (now, done)
        begun, before = self.first
        if "rate" in event.data or now - begun < SOONEST or done <= before:
            return event
        rate = (done - before) / (now - begun)
        return replace(event, data={**event.data, "rate": rate, "left": (event.data["total"] - done) / rate})
