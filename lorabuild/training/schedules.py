"""Learning-rate schedules: pure functions from an optimizer step to a factor between 0 and 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lorabuild.schema.schedule import Constant, Cosine, CosineWithRestarts, Schedule

    Factor = Callable[[int], float]


def warm_up(step: int, warmup: int) -> float:
    """Linear from 0 at the first step to 1 at step ``warmup``."""
    return min(1.0, step / warmup) if warmup else 1.0


def _progress(step: int, total: int, warmup: int) -> float:
    """Share of the way behind the warm-up that is done: 0 to 1."""
    return min(1.0, max(0, step - warmup) / max(1, total - warmup))


def constant(settings: Constant, _total: int) -> Factor:
    """Full height behind the warm-up."""
    return lambda step: warm_up(step, settings.warmup)


def cosine(settings: Cosine, total: int) -> Factor:
    """Half a cosine down to zero at step ``total`` (Loshchilov & Hutter 2017, one cycle)."""

    def factor(step: int) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * _progress(step, total, settings.warmup)))
        return fall if step >= settings.warmup else warm_up(step, settings.warmup)

    return factor


def cosine_with_restarts(settings: CosineWithRestarts, total: int) -> Factor:
    """``restarts + 1`` equal half cosines, each from full height; one warm-up (Loshchilov & Hutter 2017, SGDR)."""
    cycles = settings.restarts + 1

    def factor(step: int) -> float:
        if step < settings.warmup:
            return warm_up(step, settings.warmup)
        done = _progress(step, total, settings.warmup)
        return 0.5 * (1 + math.cos(math.pi * ((cycles * done) % 1.0))) if done < 1 else 0.0

    return factor


def schedule(settings: Schedule, total: int) -> Factor:
    """The factor on the learning rate at every optimizer step (from 0) of ``total``."""
    match settings.type:
        case "constant":
            return constant(settings, total)
        case "cosine":
            return cosine(settings, total)
        case "cosine_with_restarts":
            return cosine_with_restarts(settings, total)
