"""The curves of a training as paths and label places; the page draws them and sets their labels in real text.

Every plot is 1000 by 1000 units and stretched to whatever room there is, so that labels stay readable on a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Points = Sequence[tuple[float, float]]

UNITS = 1000.0
MOST_POINTS = 500
MOST_MARKS = 8
MOST_CONCEPTS = 12
"""Small plots on the page: of more concepts those whose loss is highest at the end."""
LOWEST_PLAIN = 1e-3


@dataclass(frozen=True, slots=True)
class Mark:
    """A label and its place on an axis, in percent of the plot from the left or the top."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line (SVG path data), how it is drawn (a class of the style sheet), and what it is."""

    path: str
    style: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines, marks of the value axis and marks where epochs end; in words what there is to see."""

    title: str
    summary: str
    lines: tuple[Line, ...]
    values: tuple[Mark, ...]
    epochs: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """The plots of a run: its loss, the loss of each concept where there are several, its learning rates if known.

    ``left``: concepts that have no plot because others have a higher loss at the end.
    """

    loss: Plot
    concepts: tuple[Plot, ...] = ()
    rates: Plot | None = None
    left: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """What a log says, from the first optimizer step on.

    Attributes:
        losses, smoothed, epochs: loss, smoothed loss and epoch of every step.
        validated: epoch → loss on the images that are held out, after its last step.
        concepts: name → (step from 0, smoothed loss) of the steps that saw the concept.
        rates: part → learning rate of every step.
    """

    losses: Sequence[float]
    smoothed: Sequence[float]
    epochs: Sequence[int]
    validated: Mapping[int, float]
    concepts: Mapping[str, Points]
    rates: Mapping[str, Sequence[float]]


def curves(history: History) -> Curves | None:
    """The plots of a run; None for one of fewer than two steps."""
    if len(history.losses) < 2:
        return None
    seen = {name: points for name, points in history.concepts.items() if len(points) > 1}
    left = max(0, len(seen) - MOST_CONCEPTS)
    return Curves(_loss(history), tuple(_concepts(history, seen)), _rates(history), left)


def _loss(history: History) -> Plot:
    """Single steps are noisy: what reaches above the 98th percentile is cut off at the top of the plot."""
    smoothed, count = history.smoothed, len(history.losses)
    numbers = [loss for loss in history.losses if math.isfinite(loss)] or [0.0]
    high = _top(_percentile(numbers, 0.98), *smoothed, *history.validated.values())
    lines = [
        Line(path(enumerate(history.losses), count, high), "each", "each optimizer step"),
        Line(path(enumerate(smoothed), count, high), "smooth", "smoothed"),
    ]
    summary = f"smoothed loss from {smoothed[0]:.4g} to {smoothed[-1]:.4g} over {count} steps, "
    summary += f"{history.epochs[-1]} epochs"
    if history.validated:
        last = {epoch: step for step, epoch in enumerate(history.epochs)}
        held = [(last[epoch] + 0.5, loss) for epoch, loss in history.validated.items() if epoch in last]
        lines.append(Line(path(held, count, high), "held", "images held out"))
        lines.append(Line(path(held, count, high, dots=True), "held dots", ""))
        best = min(history.validated, key=history.validated.__getitem__)
        summary += f"; on images held out it is lowest after epoch {best}, {history.validated[best]:.4g}"
    return Plot("Loss curve", summary, tuple(lines), _values(high), _ends(history.epochs))


def _concepts(history: History, seen: Mapping[str, Points]) -> Iterable[Plot]:
    """A small plot a concept, all to one scale, with the whole run behind it; none of a single concept."""
    if len(seen) < 2:
        return
    count, high = len(history.losses), _top(*history.smoothed, *(loss for line in seen.values() for _, loss in line))
    highest = sorted(seen, key=lambda name: -seen[name][-1][1])[:MOST_CONCEPTS]
    whole = Line(path(enumerate(history.smoothed), count, high), "each", "all")
    for name in (name for name in seen if name in highest):
        own = Line(path(seen[name], count, high), "smooth", name)
        summary = f"smoothed loss from {seen[name][0][1]:.4g} to {seen[name][-1][1]:.4g}"
        yield Plot(name, summary, (whole, own), _values(high, 3), _ends(history.epochs, 1))


def _rates(history: History) -> Plot | None:
    """One line for parts that learn at one rate; none for a part that never learns."""
    alike: dict[tuple[float, ...], list[str]] = {}
    for name, rates in history.rates.items():
        if any(rates):
            alike.setdefault(tuple(rates), []).append(name)
    if not alike:
        return None
    count, high = len(history.losses), _top(*(rate for rates in alike for rate in rates))
    lines = [
        Line(path(enumerate(rates), count, high), f"rate-{number}", " and ".join(names))
        for number, (rates, names) in enumerate(alike.items(), 1)
    ]
    told = (f"{' and '.join(names)} from {rates[0]:.3g} to {rates[-1]:.3g}" for rates, names in alike.items())
    return Plot("Learning rate", "; ".join(told), tuple(lines), _values(high), _ends(history.epochs))


def ticks(high: float, most: int = 4) -> tuple[float, ...]:
    """Round numbers from 0 up to ``high``, at least two and about ``most`` above 0."""
    raw = high / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw)
    return tuple(float(f"{step * number:.12g}") for number in range(int(high / step) + 1))


def number(value: float) -> str:
    """A number for an axis: ``0.25``, ``2.5e-4``."""
    if not value or abs(value) >= LOWEST_PLAIN:
        return f"{value:g}"
    digits, _, power = f"{value:e}".partition("e")
    return f"{float(digits):g}e{int(power)}"


def path(points: Iterable[tuple[float, float]], count: int, high: float, *, dots: bool = False) -> str:
    """SVG path data of (step from 0, value); of a long run every n-th point is drawn, as is the last.

    What is no number leaves a gap; ``dots`` are lines of no length, which are round at any stretch.
    """
    known = list(points)
    every = max(1, len(known) // MOST_POINTS)
    pieces, pen = [], "M"
    for step, value in [*known[:-1:every], *known[-1:]]:
        if not math.isfinite(value):
            pen = "M"
            continue
        x, y = UNITS * (step + 0.5) / count, UNITS * (1 - min(value / high, 1.0))
        pieces.append(f"M{x:.1f} {y:.1f}h0" if dots else f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(pieces)


def _top(*values: float) -> float:
    """The upper end of a value axis, a little above all of these."""
    return max([1e-9, *filter(math.isfinite, values)]) * 1.05


def _values(high: float, most: int = 4) -> tuple[Mark, ...]:
    return tuple(Mark(round(100 - 100 * mark / high, 2), number(mark)) for mark in ticks(high, most))


def _ends(epochs: Sequence[int], most: int = MOST_MARKS) -> tuple[Mark, ...]:
    """Where epochs end: about ``most`` of them, always the last."""
    following = [*epochs[1:], None]
    ends = [(step, epoch) for step, (epoch, then) in enumerate(zip(epochs, following, strict=True), 1) if epoch != then]
    every = max(1, math.ceil(len(ends) / most))
    return tuple(
        Mark(round(100 * step / len(epochs), 2), str(epoch))
        for step, epoch in ends
        if epoch % every == 0 or epoch == epochs[-1]
    )


def _percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
