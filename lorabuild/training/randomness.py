"""Noise, timesteps and chances of a look, counted from what it is: batch-mates, order and resume change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.counted import count, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.training.batches import Look


def noise(seed: int, looks: Sequence[Look], shape: Sequence[int]) -> Tensor:
    """Standard normal noise ``[len(looks), *shape]`` (float32, CPU), each row from its own generator."""
    generator = torch.Generator()
    rows = []
    for look in looks:
        generator.manual_seed(count(seed, "noise", *look.identity))
        rows.append(torch.randn(tuple(shape), generator=generator))
    return torch.stack(rows)


def timesteps(seed: int, looks: Sequence[Look], number: int) -> Tensor:
    """Uniform timesteps ``[len(looks)]`` in 0 … number - 1 (int64, CPU)."""
    return torch.tensor([int(unit(seed, "timestep", *look.identity) * number) for look in looks])


def chance(seed: int, purpose: str, look: Look, share: float) -> bool:
    """Whether this look is one of the ``share`` (0 to 1) that something happens to."""
    return share > 0 and unit(seed, purpose, *look.identity) < share


def choice(seed: int, purpose: str, look: Look, number: int) -> int:
    """One of ``number`` things, 0 to number - 1, each as likely."""
    return int(unit(seed, purpose, *look.identity) * number) if number > 1 else 0
