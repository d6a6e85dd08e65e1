"""Which epoch, at which weight, and why: from what was measured of each. Pure arithmetic, nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIKE, UNSEEN, KEPT, SHAPE = 0.75, 0.1, 0.05, 0.1
"""What a score is made of; each part is 1 at best."""
RISE = 0.05  # of the whole descent: less is noise
ALIKE = 0.02  # scores that differ by no more are equal
UNDER = 0.33  # likeness; a good LoRA comes to 0.6
ENOUGH = 0.6  # of the best weight's likeness
HARSH = 1.25  # times what is usual


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of an epoch.

    Attributes:
        validation: loss on pictures that it wasn't trained on.
        training: mean loss of its steps; None where the log is lost.
        likeness: 0 as the base draws the prompts, 1 as the training images are; 0.6 is good.
        prior_distance: 0 draws other prompts as the base does, 1 like something else.
        usable: least and highest weight that can be used, where they were drawn.
        score: 1 at best.
    """

    epoch: int
    validation: float
    training: float | None
    likeness: float
    prior_distance: float
    usable: tuple[float, float] | None = None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Worn:
    """The pictures of one weight: how like the training images, how harsh as a multiple of what is usual."""

    weight: float
    likeness: float
    harshness: float


@dataclass(frozen=True, slots=True)
class Picked:
    """What is recommended.

    Attributes:
        rows: the epochs that are kept, in order.
        epoch, weight: the recommendation.
        verdict: of the whole run: ``good``, ``undertrained``, ``overtrained``.
        why: a sentence on the epoch, one on the weight, one on the verdict.
        source: on what the validation loss was taken.
        base: what that is without the LoRA.
        eye: what saw the pictures.
        worn: the weights that were drawn.
    """

    rows: tuple[Row, ...]
    epoch: int
    weight: float
    verdict: str
    why: tuple[str, ...]
    source: str
    base: float
    eye: str
    worn: tuple[Worn, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """What ``pick --json`` prints."""
        told = asdict(self)
        for word in ("rows", "why", "worn"):
            told[word] = list(told[word])
        return told


def turn(means: Mapping[int, float]) -> int:
    """The last epoch of steady descent before a rise that no later one makes up for; the last one without such a rise.

    From epoch → mean loss.
    """
    epochs = sorted(means)
    low = min(epochs, key=lambda epoch: (means[epoch], epoch))
    drop = max(means[epochs[0]] - means[low], RISE * means[low])
    return low if any(means[epoch] > means[low] + RISE * drop for epoch in epochs if epoch > low) else epochs[-1]


def scored(rows: Sequence[Row], base: float) -> tuple[Row, ...]:
    """The rows with their scores; ``base`` is the validation loss without the LoRA."""
    least = min(row.validation for row in rows)
    means = {row.epoch: row.training for row in rows if row.training is not None}
    last = rows[-1].epoch
    best = turn(means) if means else last
    late = [max(0, row.epoch - best) / last for row in rows]
    most = max(row.likeness for row in rows)
    return tuple(replace(row, score=_score(row, most, base, least, one)) for row, one in zip(rows, late, strict=True))


def _score(row: Row, most: float, base: float, least: float, late: float) -> float:
    gain = (base - row.validation) / (base - least) if base > least else 0.0
    parts = (
        (LIKE, max(0.0, row.likeness) / most if most > 0 else 0.0),
        (UNSEEN, max(-1.0, gain)),
        (KEPT, 1 - min(1.0, row.prior_distance)),
        (SHAPE, 1 - late),
    )
    return round(sum(share * value for share, value in parts), 4)


def best(rows: Sequence[Row]) -> Row:
    """Of the rows with the highest score, or hardly less, the one that knows unseen pictures best."""
    highest = max(row.score for row in rows)
    return min((row for row in rows if row.score >= highest - ALIKE), key=lambda row: (row.validation, row.epoch))


def verdict(rows: Sequence[Row], base: float) -> str:
    """Of the whole run: too short to be like its images, so long that it knows no other pictures, or good."""
    last, picked = rows[-1], best(rows)
    if picked.likeness < UNDER:
        return "undertrained"
    return "overtrained" if last.validation >= base and picked.epoch < last.epoch else "good"


def usable(worn: Sequence[Worn]) -> tuple[float, float]:
    """The weights about the one that is most like, as far as they are nearly as like; above them pictures fry.

    So do those that are harsher than the base's and the training images. (0, 0) where none is any good.
    """
    weights = sorted(worn, key=lambda one: one.weight)
    sound = list(takewhile(lambda one: one.harshness <= HARSH, weights))
    best = max(sound, key=lambda one: one.likeness, default=None)
    if best is None or best.likeness <= 0:
        return 0.0, 0.0
    place = sound.index(best)
    below, above = (
        list(takewhile(lambda one: one.likeness >= ENOUGH * best.likeness, some))
        for some in (reversed(sound[: place + 1]), sound[place:])
    )
    return below[-1].weight, above[-1].weight


def weight_of(reach: tuple[float, float]) -> float:
    """1 where that can be used or nothing can, else what is nearest to it."""
    low, high = reach
    return min(max(1.0, low), high) if high else 1.0


def reasons(rows: Sequence[Row], base: float, source: str, worn: Sequence[Worn] = ()) -> tuple[str, ...]:
    """A sentence on the epoch, one on the weight where weights were drawn, one on the run."""
    picked, last, found = best(rows), rows[-1], verdict(rows, base)
    told = [_epoch_said(rows, picked, base, source)]
    if worn:
        told.append(_weight_said(usable(worn), max(one.weight for one in worn)))
    told.append(
        {
            "good": "The run is good: its pictures are like the training images, and it hasn't forgotten others.",
            "undertrained": f"The run is undertrained: the likeness of {picked.likeness:.2f} is below {UNDER:g}; "
            "raise `budget.steps`.",
            "overtrained": f"The run is overtrained: epoch {last.epoch} knows {source} worse than the base alone "
            f"(loss {last.validation:.3g}, {base:.3g}); lower `budget.steps`, or hand out epoch {picked.epoch}.",
        }[found]
    )
    return tuple(told)


def _epoch_said(rows: Sequence[Row], picked: Row, base: float, source: str) -> str:
    known = f"its loss on {source} is {picked.validation:.3g} (the base's {base:.3g})"
    alike = f"its likeness to the training images is {picked.likeness:.2f}"
    said = f"Epoch {picked.epoch} of {rows[-1].epoch}: {alike}, and {known}"
    if picked.epoch == rows[-1].epoch:
        return f"{said}; it is the last."
    return f"{said}; epoch {rows[-1].epoch} has {rows[-1].likeness:.2f} and {rows[-1].validation:.3g}."


def _weight_said(reach: tuple[float, float], most: float) -> str:
    low, high = reach
    if not high:
        return "Weight 1: no weight makes pictures like the training images."
    end = f"pictures fry above {high:g}" if high < most else f"no weight up to {most:g} fries"
    hint = "; `lorabuild lora rebase` makes that 1" if high < 1 else ""
    return f"Weight {weight_of(reach):g}: {low:g} to {high:g} can be used, {end}{hint}."
