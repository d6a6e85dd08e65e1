"""A slider's targets in plain numbers: what each reads, how far it leads, and its share of the steps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lorabuild.balance.table import Finding, Steps, Table, TargetRow
from lorabuild.core.digest import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.slider import Slider, Target

MOST_STEPS = 500
NAMELESS = "(empty)"


def plan(slider: Slider, batch: int, accumulation: int) -> Table:
    """Looks of every target, steps in all, and what to look at twice."""
    batches = slider.every * accumulation
    given = shares(len(slider.targets), batches, batch)
    rows = tuple(
        TargetRow(target.target or NAMELESS, target.positive, target.negative, target.action, target.guidance, looks)
        for target, looks in zip(slider.targets, given, strict=True)
    )
    return Table(
        concepts=(),
        triggers=(),
        steps=Steps(slider.steps * batch * accumulation, slider.steps, slider.steps // slider.every),
        warnings=tuple(_findings(slider)),
        batches_per_epoch=batches,
        regularization_per_epoch=0,
        targets=rows,
    )


def prompts(target: Target) -> tuple[str, str, str, str]:
    """Target, positive, negative and neutral prompt."""
    neutral = target.target if target.neutral is None else target.neutral
    return target.target, target.positive, target.negative, neutral


def identity(target: Target, resolution: int) -> str:
    """What everything random about a target is counted from; ``resolution`` is that of targets without one."""
    side = target.resolution or resolution
    return digest(canonical([*prompts(target), target.action, target.guidance, target.weight, side]))


def aims(slider: Slider, resolution: int) -> dict[str, tuple[float, float]]:
    """Identity of every target → its guidance, below 0 where it erases, and its weight in the loss."""
    signs = {"enhance": 1.0, "erase": -1.0}
    return {
        identity(target, resolution): (signs[target.action] * target.guidance, target.weight)
        for target in slider.targets
    }


def shares(count: int, batches: int, batch: int) -> list[int]:
    """Looks an epoch for each of ``count`` targets, at least one batch each where there are as many batches.

    They are whole batches of one target's looks, so pictures of every size fill whole batches as well.
    """
    edges = [batches * place // count for place in range(count + 1)]
    return [(after - before) * batch for before, after in pairwise(edges)]


def _findings(slider: Slider) -> Iterator[Finding]:
    if slider.steps > MOST_STEPS:
        text = f"{slider.steps} steps are many for a slider: above {MOST_STEPS} it learns more than its direction"
        yield Finding("slider-steps", "slider", text)
