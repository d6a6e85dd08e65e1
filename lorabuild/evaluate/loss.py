"""The loss of a run, read from its log and smoothed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step of the log: its number, its epoch (both from 1), loss, learning rate, validation loss."""

    step: int
    epoch: int
    loss: float
    lr: float | None = None
    validation: float | None = None


def read(log: bytes) -> tuple[Step, ...]:
    """The steps of a training log (JSON lines with step, epoch, loss, lr)."""
    lines = (json.loads(line) for line in log.decode("utf-8").splitlines() if line.strip())
    return tuple(
        Step(line["step"], line["epoch"], line["loss"], line.get("lr"), line.get("validation")) for line in lines
    )


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
