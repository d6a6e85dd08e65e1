"""The loss of a run, read from its log and smoothed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step of the log: its number, its epoch (both from 1), loss, validation loss.

    ``rates``: part → learning rate. ``concepts``: name → mean loss, of the concepts that the step saw.
    """

    step: int
    epoch: int
    loss: float
    validation: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    concepts: Mapping[str, float] = field(default_factory=dict)


RATES = {"lr": "U-Net", "lr_text_encoder": "text encoder", "lr_text_encoder_2": "second text encoder"}
"""Words of the log, and what a person calls the part."""


def read(log: bytes) -> tuple[Step, ...]:
    """The steps of a training log (JSON lines with step, epoch, loss, and what else there is)."""
    return tuple(_step(json.loads(line)) for line in log.decode("utf-8").splitlines() if line.strip())


def _step(line: Mapping[str, Any]) -> Step:
    rates = {name: line[word] for word, name in RATES.items() if word in line}
    return Step(line["step"], line["epoch"], line["loss"], line.get("validation"), rates, line.get("concepts", {}))


def smooth(values: Sequence[float], share: float = 0.05) -> tuple[float, ...]:
    """Mean over a centred window of ``share`` of the run (at least ±2 steps), cut off at both ends.

    Centred, not trailing: a curve that lags would name the wrong epoch.
    """
    reach = max(2, round(len(values) * share / 2))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    smoothed = []
    for place in range(len(values)):
        first, past = max(0, place - reach), min(len(values), place + reach + 1)
        smoothed.append((sums[past] - sums[first]) / (past - first))
    return tuple(smoothed)


def by_epoch(steps: Sequence[Step]) -> dict[int, float]:
    """Epoch → mean loss of its steps."""
    epochs: dict[int, list[float]] = {}
    for step in steps:
        epochs.setdefault(step.epoch, []).append(step.loss)
    return {epoch: sum(losses) / len(losses) for epoch, losses in epochs.items()}


def validated(steps: Sequence[Step]) -> dict[int, float]:
    """Epoch → validation loss, of the epochs at whose end it was measured."""
    return {step.epoch: step.validation for step in steps if step.validation is not None}


def by_concept(steps: Sequence[Step]) -> dict[str, list[tuple[float, float]]]:
    """Concept → (place of the step from 0, smoothed loss), of the steps that saw it."""
    seen: dict[str, list[tuple[int, float]]] = {}
    for place, step in enumerate(steps):
        for name, loss in step.concepts.items():
            seen.setdefault(name, []).append((place, loss))
    return {
        name: [(place, loss) for (place, _), loss in zip(points, smooth([loss for _, loss in points]), strict=True)]
        for name, points in seen.items()
    }


def rates(steps: Sequence[Step]) -> dict[str, list[float]]:
    """Part → learning rate of every step, of the parts whose rate every step tells."""
    return {name: [step.rates[name] for step in steps] for name in RATES.values() if _all_tell(steps, name)}


def _all_tell(steps: Sequence[Step], name: str) -> bool:
    return bool(steps) and all(name in step.rates for step in steps)
