"""Max-norm scaling: after a step no layer's difference is longer than a limit (Srebro & Shraibman 2005)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from lorabuild.networks.dora import Dora
from lorabuild.networks.layer import Additive

if TYPE_CHECKING:
    from lorabuild.networks.adapter import Adapter


class Scaled(NamedTuple):
    """What a scaling did: layers that it made shorter, and the norms of all behind it."""

    keys: int
    mean: float
    largest: float


@torch.no_grad()
def max_norm(adapter: Adapter, limit: float) -> Scaled:
    """Shorten every difference whose Frobenius norm, with alpha / dim, is above the limit.

    Each trained factor takes an equal share of it, as in the standard trainer. Layers without a difference stay.
    """
    owns = [own.direction if isinstance(own, Dora) else own for _, _, own in adapter.layers()]
    additive = [own for own in owns if isinstance(own, Additive)]
    if not additive:
        return Scaled(0, 0.0, 0.0)
    norms = torch.stack([own.norm().float() for own in additive])
    ratios = (limit / norms.clamp(min=limit / 2)).clamp(max=1)
    for own, norm, ratio in zip(additive, norms.tolist(), ratios, strict=True):
        if norm > limit:
            factors = own.factors()
            for factor in factors:
                factor.mul_(ratio ** (1 / len(factors)))
    behind = norms * ratios
    return Scaled(int((norms > limit).sum()), float(behind.mean()), float(behind.max()))
