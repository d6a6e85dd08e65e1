"""Distances between prediction and target: one function each, per element; the word in lora.yaml is its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared error of every element (Ho et al. 2020, L_simple)."""
    return functional.mse_loss(prediction, target, reduction="none")


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l2": l2}


def per_sample(loss: str, prediction: Tensor, target: Tensor) -> Tensor:
    """Mean distance of every sample: ``[B, …]`` → ``[B]`` in float32."""
    distances = LOSSES[loss](prediction.float(), target.float())
    return distances.flatten(start_dim=1).mean(dim=1)
