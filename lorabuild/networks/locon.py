"""LoCon: LoRA on residual and resampling blocks too, with a rank of its own for kernels above 1x1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from lorabuild.networks.lora import low_rank

if TYPE_CHECKING:
    from lorabuild.networks.adapter import LayerAdapter
    from lorabuild.schema.network import LoCon

CONVOLUTIONS = True


def make(layer: nn.Linear | nn.Conv2d, settings: LoCon, seed: int) -> LayerAdapter:
    """3x3 kernels take ``conv_dim`` and ``conv_alpha``; 1x1 kernels and linear layers ``dim`` and ``alpha``."""
    if isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1):
        return low_rank(layer, settings.conv_dim, settings.conv_alpha, seed)
    return low_rank(layer, settings.dim, settings.alpha, seed)
