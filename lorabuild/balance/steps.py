"""Batches and optimizer steps. A bucket's last batch may be short; so may an epoch's last accumulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def batches(looks: Iterable[int], batch: int) -> int:
    """Batches of an epoch: the sum over buckets of ceil(image steps in the bucket / batch)."""
    return sum(-(-count // batch) for count in looks)


def optimizer_steps(batches_per_epoch: int, accumulation: int, epochs: int) -> int:
    """Optimizer steps in all: epochs · ceil(batches / accumulation)."""
    return epochs * -(-batches_per_epoch // accumulation)
