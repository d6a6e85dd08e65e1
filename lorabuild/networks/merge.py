"""Write an adapter into the weights below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lorabuild.networks.adapter import Adapter


def merge(adapter: Adapter) -> None:
    """Change every layer's weight, in its own type, to what the adapter made of it, and take the adapter off."""
    adapter.detach()
    with torch.no_grad():
        for _name, layer, own in adapter.layers():
            weight = layer.weight
            assert isinstance(weight, torch.Tensor)
            weight.copy_(own.merged(weight, adapter.multiplier).to(weight.dtype))
            added = own.bias_difference()
            if added is not None:
                assert isinstance(layer.bias, torch.Tensor)
                layer.bias.add_(adapter.multiplier * added.to(layer.bias.dtype))
