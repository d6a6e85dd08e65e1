"""Distances between prediction and target: one function each, per element; the word in lora.yaml is its name.

``c`` is the threshold ``[B, 1, 1, 1]`` between square and straight, which only the Huber losses look at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from lorabuild.schema.loss import Huber, Loss, SmoothL1

    Distance = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def l2(prediction: Tensor, target: Tensor, _c: Tensor | None = None) -> Tensor:
    """Squared error of every element (Ho et al. 2020, L_simple)."""
    return functional.mse_loss(prediction, target, reduction="none")


def l1(prediction: Tensor, target: Tensor, _c: Tensor | None = None) -> Tensor:
    """Absolute error of every element."""
    return functional.l1_loss(prediction, target, reduction="none")


def huber(prediction: Tensor, target: Tensor, c: Tensor | None) -> Tensor:
    """2c · (√(d² + c²) - c): d² near zero, 2c·|d| far off (Khrapov et al. 2024, scheduled pseudo-Huber loss)."""
    assert c is not None, "huber has a threshold"
    return c * smooth_l1(prediction, target, c)


def smooth_l1(prediction: Tensor, target: Tensor, c: Tensor | None) -> Tensor:
    """2 · (√(d² + c²) - c), written so that small differences aren't lost: 2d² / (√(d² + c²) + c)."""
    assert c is not None, "smooth_l1 has a threshold"
    square = (prediction - target) ** 2
    return 2 * square / ((square + c**2).sqrt() + c)


def log_cosh(prediction: Tensor, target: Tensor, _c: Tensor | None = None) -> Tensor:
    """The log of cosh d: |d| + ln(1 + e^(-2|d|)) - ln 2: d²/2 near zero, |d| - ln 2 far off (Chen et al. 2019)."""
    far = (prediction - target).abs()
    return far + functional.softplus(-2 * far) - math.log(2)


LOSSES: dict[str, Distance] = {"l2": l2, "l1": l1, "huber": huber, "smooth_l1": smooth_l1, "log_cosh": log_cosh}


def thresholds(loss: Loss, alphas_cumprod: Tensor) -> Tensor | None:
    """The threshold c of every timestep ``[timesteps]``, from the share of signal ᾱ; None where the loss has none."""
    match loss.type:
        case "l2" | "l1" | "log_cosh":
            return None
        case "huber" | "smooth_l1":
            return scheduled(loss, alphas_cumprod)


def scheduled(loss: Huber | SmoothL1, alphas_cumprod: Tensor) -> Tensor:
    """The threshold of every timestep by the schedule; ``snr`` ignores ``scale``, as in the standard trainer."""
    match loss.schedule:
        case "snr":
            sigma = ((1 - alphas_cumprod) / alphas_cumprod).sqrt()
            return (1 - loss.c) / (1 + sigma) ** 2 + loss.c
        case "exponential":
            number = len(alphas_cumprod)
            return (math.log(loss.c) / number * torch.arange(number)).exp() * loss.scale
        case "constant":
            return torch.full((len(alphas_cumprod),), loss.c * loss.scale)


def per_sample(
    loss: str, prediction: Tensor, target: Tensor, c: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Mean distance of every sample: ``[B, …]`` → ``[B]`` in float32.

    Args:
        loss: its word.
        prediction: what the model answered, in any float type.
        target: what it should have answered.
        c: the threshold of every sample ``[B]``, for the losses that have one.
        weights: what every element's distance is multiplied with, ``[B, 1, h, w]``; nothing is hidden without.
    """
    shaped = None if c is None else c.view(-1, *[1] * (prediction.dim() - 1))
    distances = LOSSES[loss](prediction.float(), target.float(), shaped)
    if weights is not None:
        distances = distances * weights
    return distances.flatten(start_dim=1).mean(dim=1)
