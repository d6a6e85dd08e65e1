"""Events: what a build says while it runs. One sink, any number of faces (terminal, JSON lines, report)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    ``kind`` is one of ``stage`` (a stage begins: total, todo, reasons), ``progress`` (done, total, unit, loss, lr …),
    ``aside`` (one item is set aside: item, problem), ``table`` (repeats before training), ``note`` and ``warning``
    (code, item, text), ``checkpoint`` (name, path; while it trains), ``picture`` (a sample is drawn: item, picture (its
    digest in the store, there when its batch is committed), prompt, epoch, step, weight, seed), ``stage_done`` (ran,
    reused, seconds), ``done`` (the end: ok, seconds, stages, outputs). A watch also says ``watch_started`` (target,
    places), ``change`` (paths, waited), ``watch_idle`` and ``error``.
    """

    kind: str
    stage: str = ""
    data: dict[str, Any] = field(default_factory=dict)


Emit = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The sink that forgets."""
