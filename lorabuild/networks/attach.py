"""Put the network that lora.yaml names, or the one of a file, on a model's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.counted import count
from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.words import hand, hands
from lorabuild.networks.adapter import Adapter
from lorabuild.networks.chance import Chance
from lorabuild.networks.dora import Dora
from lorabuild.networks.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lorabuild.networks.layer import LayerAdapter
    from lorabuild.schema.network import Network

__all__ = ["Adapter", "attach", "load", "wants_convolutions"]


def attach(layers: Mapping[str, nn.Module], settings: Network, seed: int) -> Adapter:
    """A fresh adapter on these layers (kohya name → Linear or Conv2d): attached, changing nothing yet.

    Each layer starts from (seed, its name) alone. Raises ``ProjectError`` for a layer that the network can't sit on,
    and where no layer is left.
    """
    try:
        rules = Rules.of(settings, layers)
    except ValueError as error:
        raise ProjectError(str(error.args[0]), where="network", next_step=str(error.args[-1])) from error
    adapters: dict[str, LayerAdapter] = {}
    for name, layer in layers.items():
        if own := rules.own(name, layer):
            adapters[name] = _made(name, layer, own, count(seed, "network", settings.type, name))
    if not adapters:
        raise ProjectError("no layer is left to train", where="network", next_step="let `only` and `blocks` keep some")
    return Adapter(layers, adapters, {name: rules.factor(name) for name in adapters}).attach()


def _made(name: str, layer: nn.Module, settings: Network, seed: int) -> LayerAdapter:
    """The fresh adapter of one layer, where the layer is."""
    words: Any = settings
    try:
        own: LayerAdapter = hand("networks", settings.type).make(name, layer, settings, seed)
    except ValueError as error:
        raise ProjectError(f"a {settings.type} can't sit on {name}: {error}", where="network.type") from error
    own.chance = Chance(
        getattr(words, "dropout", 0.0), getattr(words, "rank_dropout", 0.0), getattr(words, "module_dropout", 0.0)
    )
    weight: Any = layer.weight
    if getattr(words, "dora", False):
        own = Dora.start(own, weight)
    return own.to(weight.device)


def wants_convolutions(settings: Network) -> bool:
    """Whether this network also sits on residual and resampling blocks (``convolutions`` of a model's ``layers``)."""
    words: Any = settings
    return any(bool(getattr(words, word, None)) for word in ("conv_dim", "conv_block_dims", "convolutions"))


def load(layers: Mapping[str, nn.Module], state: Mapping[str, Tensor]) -> Adapter:
    """The adapter of a file (kohya name → tensor, of any type that is known here), attached to the layers it names.

    Raises ``LorabuildError`` for layers that the model lacks, and for tensors that nothing here can read.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        name, _, suffix = key.partition(".")
        found.setdefault(name, {})[suffix] = tensor
    if strange := [name for name in found if name not in layers]:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise LorabuildError(f"the file has the layer {strange[0]}{more}, which this model lacks")
    adapters = {name: _read(name, layers[name], found[name]) for name in layers if name in found}
    return Adapter(layers, adapters).attach()


def _read(name: str, layer: nn.Module, state: dict[str, Tensor]) -> LayerAdapter:
    """The adapter of one layer, by the file here that knows its tensors."""
    plain = {suffix: tensor for suffix, tensor in state.items() if suffix != "dora_scale"}
    rooms = [module for module in map(_known, hands("networks")) if module and set(module.MARKS) & set(plain)]
    extra = set(plain) - {suffix for module in rooms for suffix in module.READS}
    if len(rooms) != 1 or extra:
        raise LorabuildError(f"{name} has {', '.join(sorted(state))}: that form can't be read here")
    weight: Any = layer.weight
    try:
        own: LayerAdapter = rooms[0].read(layer, plain)
        if "dora_scale" in state:
            own = Dora(own, state["dora_scale"])
    except (ValueError, RuntimeError, KeyError) as error:
        raise LorabuildError(f"the file doesn't fit {name}: {error}") from error
    return own.to(weight.device)


def _known(word: str) -> Any:
    """The module of a network that has a form of its own in files."""
    module = hand("networks", word)
    return module if hasattr(module, "MARKS") else None
