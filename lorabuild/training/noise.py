"""The noise of a look: standard normal, and what may be added to it. No look knows what else is in its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lorabuild.core.counted import unit
from lorabuild.training import randomness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.noise import Noise
    from lorabuild.training.batches import Look


class Drawn(NamedTuple):
    """Noise ``[B, C, h, w]`` that the target is made of, and what only the model's input has on top of it, if any."""

    noise: Tensor
    extra: Tensor | None


def draw(settings: Noise, seed: int, looks: Sequence[Look], clean: Tensor) -> Drawn:
    """The noise for latents ``[B, C, h, w]``, float32 on the CPU."""
    shape = clean.shape[1:]
    drawn = randomness.noise(seed, looks, shape)
    for row, look, image in zip(drawn, looks, clean, strict=True):
        if settings.offset > 0:
            row.add_(offset(settings, seed, look, image))
        if settings.pyramid > 0:
            row.copy_(pyramid(row, layers(settings, seed, look, shape), settings.pyramid_discount))
    return Drawn(drawn, _extra(settings, seed, looks, shape) if settings.ip_gamma > 0 else None)


def offset(settings: Noise, seed: int, look: Look, clean: Tensor) -> Tensor:
    """One number a channel, ``[C, 1, 1]`` (Guttenberg 2023, "Diffusion with offset noise")."""
    strength = torch.tensor(settings.offset * _part(seed, "noise offset strength", look, drawn=settings.offset_random))
    if settings.offset_adaptive:
        strength = adapted(strength, clean, settings.offset_adaptive)
    return strength * randomness.normal(seed, "noise offset", look, (len(clean), 1, 1))


def adapted(strength: Tensor, clean: Tensor, adaptive: float) -> Tensor:
    """Strength + adaptive × |mean of the channel|, not below 0: ``[C, 1, 1]`` for latents ``[C, h, w]``."""
    return (strength + adaptive * clean.mean(dim=(1, 2), keepdim=True).abs()).clamp(min=0)


def layers(settings: Noise, seed: int, look: Look, shape: Sequence[int]) -> list[Tensor]:
    """The layers of pyramid noise ``[C, h', w']``: layer i is smaller by a factor drawn from 2 to 4, to the power of i.

    The layer that is one wide or high is the last. The first is as large as the latents.
    """
    channels, height, width = shape
    found = []
    for level in range(settings.pyramid):
        shrink = (2 + 2 * unit(seed, "pyramid", level, *look.identity)) ** level
        size = max(1, int(height / shrink)), max(1, int(width / shrink))
        found.append(randomness.normal(seed, f"pyramid {level}", look, (channels, *size)))
        if 1 in size:
            break
    return found


def pyramid(noise: Tensor, layers: Sequence[Tensor], discount: float) -> Tensor:
    """Noise ``[C, h, w]`` + Σ discountⁱ · layer i, to a deviation of 1 (Whitaker 2023, multi-resolution noise)."""
    whole = noise.clone()
    for level, layer in enumerate(layers):
        whole.add_(_grown(layer, noise.shape[1:]), alpha=discount**level)
    return whole.div_(whole.std())


def _grown(layer: Tensor, size: torch.Size) -> Tensor:
    if layer.shape[1:] == size:
        return layer
    return functional.interpolate(layer[None], size=size, mode="bilinear")[0]


def _extra(settings: Noise, seed: int, looks: Sequence[Look], shape: Sequence[int]) -> Tensor:
    """Perturbation of the model's input ``[B, C, h, w]`` (Ning et al. 2023, "Input Perturbation")."""
    parts = [_part(seed, "ip noise strength", look, drawn=settings.ip_gamma_random) for look in looks]
    strengths = torch.tensor(parts).mul(settings.ip_gamma).view(-1, *[1] * len(shape))
    return strengths * randomness.noise(seed, looks, shape, "ip noise")


def _part(seed: int, purpose: str, look: Look, *, drawn: bool) -> float:
    """How much of a strength this look has: all of it, or a drawn share."""
    return randomness.share(seed, purpose, look) if drawn else 1.0
