"""The log of a training: a row a step, the same whenever the same is trained; as numbers to save, as lines to read."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lorabuild.training.batches import Look

SMOOTHED = 100
PRIOR = "regularization"


class Row(NamedTuple):
    """One optimizer step. What there is no number for (a concept that wasn't seen) is NaN, and left out of the lines.

    Attributes:
        step, epoch: counted from 1.
        loss: the mean over the images of the step. loss_mean: over the last 100 steps.
        lr, lr_text_encoder, lr_text_encoder_2: rates of the step (Prodigy: d times lr).
        grad_norm: norm of the gradients, before they were clipped.
        weight_norm: norm of what is trained, before the step.
        scaled: layers whose change was scaled down by ``max_norm`` after it.
        validation: loss on the images held out, at the step after which it was taken.
        concepts: mean loss of each concept.
    """

    step: int
    epoch: int
    loss: float
    loss_mean: float
    lr: float
    lr_text_encoder: float
    grad_norm: float
    lr_text_encoder_2: float = 0.0
    weight_norm: float = math.nan
    scaled: float = math.nan
    validation: float = math.nan
    concepts: tuple[float, ...] = ()


PLAIN = len(Row._fields) - 1


def smoothed(rows: Sequence[Row], loss: float) -> float:
    """The mean loss of the last hundred steps, of which this is the last."""
    recent = [row.loss for row in rows[1 - SMOOTHED :]] + [loss]
    return math.fsum(recent) / len(recent)


def by_concept(looks: Sequence[Look], losses: Sequence[float], concepts: Sequence[str]) -> tuple[float, ...]:
    """The mean loss of each concept, NaN where none of its images was looked at."""
    found: dict[str, list[float]] = defaultdict(list)
    for look, loss in zip(looks, losses, strict=True):
        found[look.record.concept].append(loss)
    return tuple(math.fsum(found[name]) / len(found[name]) if name in found else math.nan for name in concepts)


def told(row: Row, concepts: Sequence[str]) -> dict[str, Any]:
    """A row as JSON has it: what isn't finite is left out."""
    numbers: dict[str, float] = {name: getattr(row, name) for name in Row._fields[:PLAIN]}
    plain = {name: value for name, value in numbers.items() if math.isfinite(value)}
    seen = {name or PRIOR: loss for name, loss in zip(concepts, row.concepts, strict=True) if math.isfinite(loss)}
    return {**plain, "concepts": seen} if seen else plain


def lines(rows: Sequence[Row], concepts: Sequence[str]) -> bytes:
    """The log as JSON lines."""
    return b"".join(json.dumps(told(row, concepts)).encode() + b"\n" for row in rows)


def columns(rows: Sequence[Row]) -> Tensor:
    """Rows as numbers, float64 ``[rows, columns]``."""
    width = PLAIN + (len(rows[0].concepts) if rows else 0)
    flat = [[*row[:PLAIN], *row.concepts] for row in rows]
    return torch.tensor(flat, dtype=torch.float64).reshape(len(rows), width)


def rows_of(numbers: Tensor) -> list[Row]:
    """The inverse of ``columns``."""
    found = (dict(zip(Row._fields, [*row[:PLAIN], tuple(row[PLAIN:])], strict=True)) for row in numbers.tolist())
    return [Row(**{**row, "step": int(row["step"]), "epoch": int(row["epoch"])}) for row in found]
