"""The randomness of a look, counted from what it is: batch-mates, order and resume change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.counted import count, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.training.batches import Look


def seed_of(seed: int, purpose: str, look: Look) -> int:
    """A seed in [0, 2**64) for one purpose of one look."""
    return count(seed, purpose, *look.identity)


def normal(seed: int, purpose: str, look: Look, shape: Sequence[int]) -> Tensor:
    """Standard normal numbers of one look, float32 on the CPU."""
    generator = torch.Generator().manual_seed(seed_of(seed, purpose, look))
    return torch.randn(tuple(shape), generator=generator)


def noise(seed: int, looks: Sequence[Look], shape: Sequence[int], purpose: str = "noise") -> Tensor:
    """Standard normal noise ``[len(looks), *shape]`` (float32, CPU), each row from its own seed."""
    drawn = torch.empty((len(looks), *shape))
    generator = torch.Generator()
    for row, look in zip(drawn, looks, strict=True):
        generator.manual_seed(seed_of(seed, purpose, look))
        torch.randn(row.shape, generator=generator, out=row)
    return drawn


def share(seed: int, purpose: str, look: Look) -> float:
    """A number in [0, 1)."""
    return unit(seed, purpose, *look.identity)


def chance(seed: int, purpose: str, look: Look, likely: float) -> bool:
    """Whether this look is one of the share ``likely`` (0 to 1) that something happens to."""
    return likely > 0 and share(seed, purpose, look) < likely


def choice(seed: int, purpose: str, look: Look, number: int) -> int:
    """One of ``number`` things, 0 to number - 1, each as likely."""
    return int(share(seed, purpose, look) * number) if number > 1 else 0
