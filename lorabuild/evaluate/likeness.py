"""How like their subject pictures are, by what an eye sees in them, and how fried, by their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

FEW = 1e-6


def stacked(rows: Iterable[Any]) -> Tensor:
    """Arrays or tensors of one shape, one below the other."""
    return torch.stack([torch.as_tensor(row) for row in rows])


def likeness(drawn: Tensor, plain: Tensor, images: Tensor) -> float:
    """How near drawn pictures [N, F] are to the training images [N, F] whose captions they are of, pair by pair.

    1: they are the same; 0: no nearer than the base's own pictures of the same words and seeds, ``plain`` [N, F]; below
    0: farther still. Poses differ, so a good LoRA comes to about 0.6.
    """
    scale = torch.cat([plain, images]).std(0) + FEW
    after, before = (((one - images) / scale).norm(dim=1).mean() for one in (drawn, plain))
    return float(1 - after / (before + FEW))


def harshness(pixels: Tensor) -> float:
    """Mean step between neighbouring pixels, 0 … 1, of uint8 [N, H, W, 3]: noise, halos and broken lines raise it."""
    levels = pixels.float() / 255
    across, down = levels.diff(dim=2).abs().mean(), levels.diff(dim=1).abs().mean()
    return float((across + down) / 2)
