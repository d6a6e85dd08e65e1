"""Masked loss: what a mask hides counts less, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

LEAST_AREA = 1e-6


def stacked(masks: Sequence[Tensor | None], shape: Sequence[int]) -> Tensor | None:
    """Masks ``[1, h, w]`` of 0 (hidden) … 1 (learned) as ``[B, 1, h, w]`` float32; a missing one hides nothing.

    None where no look has one.
    """
    if all(mask is None for mask in masks):
        return None
    whole = torch.ones((1, *shape))
    return torch.stack([whole if mask is None else mask.float() for mask in masks])


def weights(mask: Tensor, floor: float, *, normalize: bool) -> Tensor:
    """What every element's distance is multiplied with ``[B, 1, h, w]``: the mask, not below ``floor``.

    As in the standard trainer the mean that follows is over the whole picture, so a small subject has a small loss;
    ``normalize`` divides by the mean of each mask instead.
    """
    kept = mask.clamp(min=floor)
    if normalize:
        kept = kept / kept.mean(dim=(1, 2, 3), keepdim=True).clamp(min=LEAST_AREA)
    return kept
