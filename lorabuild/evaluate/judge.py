"""Which epoch, at which weight, and why: from what was measured of each. Pure arithmetic, nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELD = "the images that were held out"
MIRRORED = "the training images mirrored (as it never saw them)"
TRAINED = "the training images (which it was trained on)"
"""On what a validation loss is taken."""
LIKE, UNSEEN, KEPT, SHAPE = 0.75, 0.1, 0.05, 0.1
"""What a score is made of; each part is 1 at best."""
RISE = 0.05  # of the whole descent: less is noise
ALIKE = 0.02  # scores that differ by no more are equal
UNDER = 0.33  # likeness; a good LoRA comes to 0.6
ENOUGH = 0.75  # of the best weight's likeness
HARSH = 1.25  # times what is usual
LEAK = 0.5  # of the likeness, at which it is there without the trigger, too
BAKED = 0.5  # what fries at this weight, or below it, was trained for too long


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of an epoch.

    Attributes:
        validation: loss on pictures that it wasn't trained on.
        training: mean loss of its steps; None where the log is lost.
        likeness: 0 as the base draws the prompts, 1 as the training images are; 0.6 is good.
        leak: likeness of what is drawn without any trigger: 0 as the base does; as high as ``likeness`` where the
            trigger makes no difference. None where no concept has one, or it wasn't measured.
        usable: least and highest weight that can be used, where they were drawn and there are any.
        score: 1 at best.
    """

    epoch: int
    validation: float
    training: float | None
    likeness: float
    leak: float | None
    usable: tuple[float, float] | None = None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Worn:
    """The pictures of one weight: how like the training images, how harsh as a multiple of what is usual.

    ``fried``: whether so much of the LoRA breaks them.
    """

    weight: float
    likeness: float
    harshness: float
    fried: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """What is recommended.

    Attributes:
        rows: the epochs that are kept, in order.
        epoch, weight: the recommendation.
        verdict: of the whole run: ``good``, ``undertrained``, ``overtrained``.
        why: a sentence on the epoch, on the weight, on the verdict, on what leaks, on epochs that are left out.
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
    """The rows with their scores; ``base`` is the validation loss without the LoRA.

    Where no epoch is like the images, how unlike each is is chance, and doesn't count.
    """
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
        (LIKE, max(0.0, row.likeness) / most if most >= UNDER else 0.0),
        (UNSEEN, max(-1.0, gain)),
        (KEPT, 1 - max(0.0, row.leak or 0.0)),
        (SHAPE, 1 - late),
    )
    return round(sum(share * value for share, value in parts), 4)


def best(rows: Sequence[Row]) -> Row:
    """Of the rows with the highest score, or hardly less, the one that knows unseen pictures best."""
    highest = max(row.score for row in rows)
    return min((row for row in rows if row.score >= highest - ALIKE), key=lambda row: (row.validation, row.epoch))


def verdict(rows: Sequence[Row], base: float, worn: Sequence[Worn] = ()) -> str:
    """Of the whole run: too short to be like its images, so long that pictures fry or others are forgotten, or good.

    What is like nothing and knows unseen pictures worse than the base is broken, and not on its way.
    """
    fried, forgot = fries(worn, usable(worn)), rows[-1].validation >= base
    if best(rows).likeness < UNDER and not forgot:
        return "undertrained"
    return "overtrained" if forgot or (fried is not None and fried <= BAKED) else "good"


def usable(worn: Sequence[Worn]) -> tuple[float, float] | None:
    """The weights about the one that is most like, as far as they are nearly as like; above them pictures fry.

    So do those that are harsher than the base's and the training images. None where no weight is like these.
    """
    weights = sorted(worn, key=lambda one: one.weight)
    sound = list(takewhile(lambda one: one.harshness <= HARSH, weights))
    best = max(sound, key=lambda one: one.likeness, default=None)
    if best is None or best.likeness < UNDER:
        return None
    place = sound.index(best)
    below, above = (
        list(takewhile(lambda one: one.likeness >= ENOUGH * best.likeness, some))
        for some in (reversed(sound[: place + 1]), sound[place:])
    )
    return below[-1].weight, above[-1].weight


def reach(rows: Sequence[Row], base: float, worn: Sequence[Worn]) -> tuple[float, float] | None:
    """The usable weights; None too where less of an undertrained LoRA is only less broken."""
    found = usable(worn)
    return None if found and found[1] < 1 and verdict(rows, base, worn) == "undertrained" else found


def fries(worn: Sequence[Worn], sound: tuple[float, float] | None) -> float | None:
    """The least weight at which pictures fry: past the usable ones, or too harsh where none is; None for none."""
    past = (one.weight for one in worn if (one.weight > sound[1] if sound else one.harshness > HARSH))
    return min(past, default=None)


def marked(worn: Sequence[Worn], sound: tuple[float, float] | None) -> tuple[Worn, ...]:
    """The weights, with those that fry."""
    least = fries(worn, sound)
    return tuple(replace(one, fried=least is not None and one.weight >= least) for one in worn)


def weight_of(sound: tuple[float, float] | None) -> float:
    """1 where that can be used or nothing can, else what is nearest to it."""
    return min(max(1.0, sound[0]), sound[1]) if sound else 1.0


def reasons(rows: Sequence[Row], base: float, source: str, worn: Sequence[Worn] = ()) -> tuple[str, ...]:
    """A sentence on the epoch, one on the weight where weights were drawn, one on the run, one on what leaks."""
    told = [_epoch_said(rows, best(rows), base, source)]
    if worn:
        told.append(_weight_said(worn, reach(rows, base, worn)))
    told.append(_run_said(rows, base, source, worn))
    return (*told, *_leak_said(best(rows)))


def _epoch_said(rows: Sequence[Row], picked: Row, base: float, source: str) -> str:
    known = f"its loss on {source} is {picked.validation:.4f} (the base's {base:.4f})"
    alike = f"its likeness to the training images is {picked.likeness:.2f}"
    said = f"Epoch {picked.epoch} of {rows[-1].epoch}: {alike}, and {known}"
    if picked.epoch == rows[-1].epoch:
        return f"{said}; it is the {'last' if len(rows) > 1 else 'only one'}."
    return f"{said}; epoch {rows[-1].epoch} has {rows[-1].likeness:.2f} and {rows[-1].validation:.4f}."


def _weight_said(worn: Sequence[Worn], sound: tuple[float, float] | None) -> str:
    fried, most = fries(worn, sound), max(one.weight for one in worn)
    end = f"no weight up to {most:g} fries" if fried is None else f"at {fried:g} pictures fry"
    if sound is None:
        return f"Weight 1: at no weight are pictures like the training images{'; ' + end if fried else ''}."
    low, high = sound
    scope = f"{low:g} to {high:g} can be used" if low < high else f"only {low:g} can be used"
    faint = f", at {below:g} too little is seen of it" if (below := _below(worn, low)) else ""
    hint = f"; `lorabuild lora rebase FILE --from {high:g}` makes that 1" if high < 1 else ""
    return f"Weight {weight_of(sound):g}: {scope}{faint}, {end}{hint}."


def _below(worn: Sequence[Worn], low: float) -> float:
    """The weight below the least that can be used; 0 where none was drawn."""
    return max((one.weight for one in worn if one.weight < low), default=0.0)


def _run_said(rows: Sequence[Row], base: float, source: str, worn: Sequence[Worn]) -> str:
    picked, last, found, fried = best(rows), rows[-1], verdict(rows, base, worn), fries(worn, usable(worn))
    if found == "undertrained":
        return (
            f"The run is undertrained: the likeness of {picked.likeness:.2f} is below {UNDER:g}; raise `budget.steps`."
        )
    if fried is not None and fried <= BAKED:
        return f"The run is overtrained: pictures fry at weight {fried:g} already; lower `budget.steps`: fewer repeats."
    if found == "overtrained":
        earlier = f", or hand out epoch {picked.epoch}" if picked.epoch < last.epoch else ""
        return (
            f"The run is overtrained: epoch {last.epoch} knows {source} worse than the base alone "
            f"(loss {last.validation:.4f}, {base:.4f}); lower `budget.steps`{earlier}."
        )
    if source == TRAINED:
        return (
            "The run is good as far as can be told: its pictures are like the training images. Whether it knows these "
            "by heart is only told by images that are held out: write `training.validation`."
        )
    return "The run is good: its pictures are like the training images, and it knows unseen ones better than the base."


def _leak_said(picked: Row) -> list[str]:
    """Nothing where it takes the trigger, or where there is nothing to leak."""
    if picked.leak is None or picked.likeness < UNDER or picked.leak < LEAK * picked.likeness:
        return []
    said = f"It is drawn without its trigger, too: likeness {picked.leak:.2f} then, {picked.likeness:.2f} with it"
    return [f"{said}; `regularization:` keeps what its class word means to the base."]
