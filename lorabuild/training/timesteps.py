"""How noisy a look is: one function a way of choosing timesteps, from an even number in [0, 1) to a share of the range.

The word in lora.yaml is the function's name.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.errors import ProjectError
from lorabuild.training import randomness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.noise import LogitNormal, Sigmoid, Timesteps, Uniform
    from lorabuild.training.batches import Look

LEAST = 2.0**-54
NORMAL = NormalDist()


def uniform(_settings: Uniform, even: float) -> float:
    """Every timestep is as likely (Ho et al. 2020)."""
    return even


def sigmoid(settings: Sigmoid, even: float) -> float:
    """The sigmoid of scale × a normal number."""
    return _logistic(settings.scale * _normal(even))


def logit_normal(settings: LogitNormal, even: float) -> float:
    """The sigmoid of a normal number of this mean and deviation (Esser et al. 2024, Stable Diffusion 3)."""
    return _logistic(settings.mean + settings.std * _normal(even))


def _normal(even: float) -> float:
    return NORMAL.inv_cdf(max(even, LEAST))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else 1 - 1 / (1 + math.exp(x))


def place(settings: Timesteps, even: float) -> float:
    """The share of the range, 0 to 1, that an even number in [0, 1) stands for."""
    match settings.type:
        case "uniform":
            return uniform(settings, even)
        case "sigmoid":
            return sigmoid(settings, even)
        case "logit_normal":
            return logit_normal(settings, even)


def bounds(settings: Timesteps, number: int) -> tuple[int, int]:
    """First timestep and the one behind the last, of ``number``. Raises ``ProjectError`` where the model has fewer."""
    last = number if settings.max is None else settings.max
    if settings.min < last <= number:
        return settings.min, last
    raise ProjectError(
        f"this model has the timesteps 0 to {number - 1}, and {settings.min} to {last - 1} are asked for",
        where="training.timesteps",
        next_step="leave `min` and `max` out",
    )


def timesteps(settings: Timesteps, seed: int, looks: Sequence[Look], number: int) -> Tensor:
    """``[B]`` int64 (CPU) in ``settings.min`` … ``settings.max`` - 1, of a model with ``number`` timesteps."""
    first, last = bounds(settings, number)
    shares = (place(settings, randomness.share(seed, "timestep", look)) for look in looks)
    return torch.tensor([min(last - 1, first + int(share * (last - first))) for share in shares])
