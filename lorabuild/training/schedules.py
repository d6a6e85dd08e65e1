"""Learning-rate schedules: pure functions from an optimizer step to a factor between 0 and 1.

Each is its formula behind one linear warm-up that starts from 0; below, z is the share of the way behind the warm-up
that is done, and ``min_lr`` m lifts a fall f from 1 to 0 to ``m + (1 - m) f``. The word in lora.yaml is the name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lorabuild.schema.schedule import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lorabuild.schema.schedule import (
        AnnealedCosine,
        Constant,
        Cosine,
        CosineWithRestarts,
        Linear,
        Polynomial,
        Rex,
        Schedule,
    )
    from lorabuild.schema.training import Training

    Factor = Callable[[int], float]
    Fall = Callable[[float], float]


def warm_up(step: int, warmup: int) -> float:
    """Linear from 0 at the first step to 1 at step ``warmup``."""
    return min(1.0, step / warmup) if warmup else 1.0


def constant(settings: Constant, total: int) -> Factor:
    """Full height behind the warm-up."""
    warmup = steps_of(settings.warmup, total)
    return lambda step: warm_up(step, warmup)


def linear(settings: Linear, total: int) -> Factor:
    """1 - z."""
    return _falling(lambda done: 1 - done, settings.warmup, total, settings.min_lr)


def cosine(settings: Cosine, total: int) -> Factor:
    """½ (1 + cos πz) (Loshchilov & Hutter 2017, one cycle)."""
    return _falling(_half_cosine, settings.warmup, total, settings.min_lr)


def cosine_with_restarts(settings: CosineWithRestarts, total: int) -> Factor:
    """``restarts + 1`` equal half cosines, each from full height; one warm-up (Loshchilov & Hutter 2017, SGDR)."""
    cycles = settings.restarts + 1

    def fall(done: float) -> float:
        return _half_cosine((cycles * done) % 1.0) if done < 1 else 0.0

    return _falling(fall, settings.warmup, total, settings.min_lr)


def annealed_cosine(settings: AnnealedCosine, total: int) -> Factor:
    """``restarts + 1`` cycles; each warms up from ``min_lr`` to gamma^cycle and falls back along half a cosine.

    SGDR (Loshchilov & Hutter 2017) with a warm-up and a lower peak in every cycle; cycles differ by a step at most.
    """
    cycles, low = settings.restarts + 1, settings.min_lr

    def factor(step: int) -> float:
        cycle = min(cycles * step // total, cycles - 1)
        start, end = (-(-total * edge // cycles) for edge in (cycle, cycle + 1))
        warmup = steps_of(settings.warmup, end - start)
        if step - start < warmup:
            height = warm_up(step - start, warmup)
        else:
            height = _half_cosine(_progress(step - start, end - start, warmup))
        return low + (max(settings.gamma**cycle, low) - low) * height

    return factor


def polynomial(settings: Polynomial, total: int) -> Factor:
    """(1 - z)^power."""
    return _falling(lambda done: (1 - done) ** settings.power, settings.warmup, total, settings.min_lr)


def rex(settings: Rex, total: int) -> Factor:
    """(1 - z) / (½ + ½ (1 - z)) (Chen, Wolfe & Kyrillidis 2022)."""
    return _falling(lambda done: (1 - done) / (1 - done / 2), settings.warmup, total, settings.min_lr)


def schedule(settings: Schedule, total: int) -> Factor:
    """The factor on the learning rate at every optimizer step (from 0) of ``total``."""
    return SCHEDULES[settings.type](settings, total)


def text_encoders_end(training: Training, total: int) -> int:
    """The optimizer step (from 0) of ``total`` from which on the text encoders stand still; ``total`` for never."""
    return total if training.text_encoder_end is None else min(total, steps_of(training.text_encoder_end, total))


SCHEDULES: dict[str, Callable[[Any, int], Factor]] = {
    made.__name__: made for made in (constant, linear, cosine, cosine_with_restarts, annealed_cosine, polynomial, rex)
}


def _falling(fall: Fall, written: float, total: int, low: float) -> Factor:
    """A warm-up, then ``fall`` from 1 to 0 over what is left of the ``total`` steps, lifted to end at ``low``."""
    warmup = steps_of(written, total)

    def factor(step: int) -> float:
        if step < warmup:
            return warm_up(step, warmup)
        return low + (1 - low) * fall(_progress(step, total, warmup))

    return factor


def _half_cosine(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


def _progress(step: int, total: int, warmup: int) -> float:
    """Share of the way behind the warm-up that is done: 0 to 1."""
    return min(1.0, max(0, step - warmup) / max(1, total - warmup))
