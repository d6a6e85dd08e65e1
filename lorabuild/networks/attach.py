"""Put the network that lora.yaml names on a model's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lorabuild.core.counted import count
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import hand
from lorabuild.networks.adapter import Adapter, LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lorabuild.schema.network import Network

__all__ = ["Adapter", "attach", "wants_convolutions"]


def attach(layers: Mapping[str, nn.Module], settings: Network, seed: int) -> Adapter:
    """A fresh adapter on these layers (kohya name → Linear or Conv2d): attached, changing nothing yet.

    Each layer starts from (seed, its name) alone. Raises ``ProjectError`` for a layer that the network can't sit on.
    """
    make = hand("networks", settings.type).make
    adapters: dict[str, LayerAdapter] = {}
    for name, layer in layers.items():
        try:
            adapters[name] = make(layer, settings, count(seed, "network", settings.type, name))
        except ValueError as error:
            raise ProjectError(f"a {settings.type} can't sit on {name}: {error}", where="network.type") from error
    return Adapter(layers, adapters).attach()


def wants_convolutions(settings: Network) -> bool:
    """Whether this network also sits on residual and resampling blocks (``convolutions`` of a model's ``layers``)."""
    return cast("bool", hand("networks", settings.type).CONVOLUTIONS)
