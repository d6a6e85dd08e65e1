"""A loss curve as paths and label places in percent; the page draws it and sets its labels in real text.

The plot is 1000 by 1000 units and stretched to whatever room there is, so that labels stay readable on a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNITS = 1000.0
MOST_POINTS = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """A label and its place on an axis, in percent of the plot from the left or the top."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Two lines (SVG path data), marks of the value axis and marks where epochs end."""

    every_step: str
    smoothed: str
    values: tuple[Mark, ...]
    epochs: tuple[Mark, ...]
    summary: str


def loss_curve(losses: Sequence[float], smoothed: Sequence[float], epochs: Sequence[int]) -> Curve | None:
    """The curve of a run: loss, smoothed loss and epoch of every optimizer step; None for a run of fewer than two.

    Single steps are noisy: what reaches above the 98th percentile is cut off at the top of the plot.
    """
    if len(losses) < 2:
        return None
    numbers = [loss for loss in losses if math.isfinite(loss)] or [0.0]
    high = max(_percentile(numbers, 0.98), *(value for value in smoothed if math.isfinite(value)), 1e-9) * 1.05
    marks = ticks(high)
    last = epochs[-1]
    following = [*epochs[1:], None]
    ends = [(step, epoch) for step, (epoch, then) in enumerate(zip(epochs, following, strict=True), 1) if epoch != then]
    every = max(1, math.ceil(len(ends) / 8))
    shown = [(step, epoch) for step, epoch in ends if epoch % every == 0 or epoch == last]
    return Curve(
        every_step=_path(losses, high),
        smoothed=_path(smoothed, high),
        values=tuple(Mark(round(100 - 100 * mark / high, 2), f"{mark:g}") for mark in marks),
        epochs=tuple(Mark(round(100 * step / len(losses), 2), str(epoch)) for step, epoch in shown),
        summary=f"smoothed loss from {smoothed[0]:.4g} to {smoothed[-1]:.4g} over {len(losses)} steps, {last} epochs",
    )


def ticks(high: float) -> tuple[float, ...]:
    """Round numbers from 0 up to ``high``, three to six of them."""
    raw = high / 4
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw)
    return tuple(round(step * number, 12) for number in range(int(high / step) + 1))


def _percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _path(values: Sequence[float], high: float) -> str:
    """SVG path data; of a long run every n-th step is drawn. Steps that are not numbers leave a gap."""
    every = max(1, len(values) // MOST_POINTS)
    pieces, pen = [], "M"
    for step in range(0, len(values), every):
        if not math.isfinite(values[step]):
            pen = "M"
            continue
        x, y = UNITS * (step + 0.5) / len(values), UNITS * (1 - min(values[step] / high, 1.0))
        pieces.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(pieces)
