"""The life of an adapter: put on a model from outside, trained, saved, loaded, taken off again without a trace.

It knows layers by name and nothing of the model around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from lorabuild.core.errors import LorabuildError
from lorabuild.networks.chance import Seeds
from lorabuild.networks.layer import Below, LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

PARTS = {"lora_te2_": "text_encoder_2", "lora_te1_": "text_encoder", "lora_te_": "text_encoder"}
"""Begin of a kohya layer name → part of the model; all others are in the U-Net."""


class Trained(NamedTuple):
    """One parameter that is trained, for the optimizer.

    Attributes:
        part: ``unet``, ``text_encoder`` or ``text_encoder_2``.
        layer: kohya name.
        name: suffix of the parameter in the file.
        parameter: itself.
        factor: on the learning rate, of blocks and patterns.
        up: whether it is on the side that starts at zero, which LoRA+ speeds up.
    """

    part: str
    layer: str
    name: str
    parameter: nn.Parameter
    factor: float
    up: bool


class Adapter:
    """Layer adapters by kohya name, on or off their layers.

    Attributes:
        modules: every layer's adapter, an ``nn.ModuleDict``.
        multiplier: strength of all of them; 0 is exactly the base.
    """

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        adapters: Mapping[str, LayerAdapter],
        factors: Mapping[str, float] | None = None,
    ) -> None:
        self._layers = {name: layers[name] for name in adapters}
        self._factors = dict(factors or {})
        self.modules = nn.ModuleDict(adapters)
        self.multiplier = 1.0
        self._seeds = Seeds()
        self._before: dict[str, Callable[[Tensor], Tensor] | None] | None = None
        for name, own in adapters.items():
            own.chance.bind(name, self._seeds)

    @property
    def attached(self) -> bool:
        """Whether it is on its layers."""
        return self._before is not None

    def attach(self) -> Adapter:
        """Stand in front of every layer's forward; further adapters may be put on top."""
        if self._before is None:
            self._before = {name: layer.__dict__.get("forward") for name, layer in self._layers.items()}
            for name, layer in self._layers.items():
                layer.forward = _Around(self, self.layer(name), Below(layer)).forward
        return self

    def detach(self) -> None:
        """Give every layer its own forward back. Raises ``LorabuildError`` while another adapter sits on top."""
        if self._before is None:
            return
        around = [getattr(layer.__dict__.get("forward"), "__self__", None) for layer in self._layers.values()]
        if not all(isinstance(one, _Around) and one.adapter is self for one in around):
            raise LorabuildError("another adapter sits on top of this one", next_step="take that one off first")
        for name, layer in self._layers.items():
            before = self._before[name]
            if before is None:
                del layer.forward
            else:
                layer.forward = before
        self._before = None

    def begin(self, seeds: Sequence[int]) -> None:
        """The next forward is of a batch whose rows have these seeds: dropout and DyLoRA's rank follow from them."""
        self._seeds.rows = tuple(seeds)

    def rest(self) -> None:
        """No chance any more: the whole adapter, as it is when it is used."""
        self._seeds.rows = None

    def share(self, factors: Mapping[str, float]) -> None:
        """While it is attached: how much of the multiplier each layer gets; what isn't named gets all of it."""
        for name, layer in self._layers.items():
            forward: Any = layer.forward
            forward.__self__.share = factors.get(name, 1.0)

    def layer(self, name: str) -> LayerAdapter:
        """The adapter of one layer."""
        found = self.modules[name]
        assert isinstance(found, LayerAdapter)
        return found

    def layers(self) -> Iterator[tuple[str, nn.Module, LayerAdapter]]:
        """Name, layer and its adapter."""
        return ((name, layer, self.layer(name)) for name, layer in self._layers.items())

    def trained(self) -> Iterator[Trained]:
        """What the optimizer moves, in the layers' order."""
        for name in self._layers:
            own, factor = self.layer(name), self._factors.get(name, 1.0)
            for suffix, parameter in own.named_parameters():
                if parameter.requires_grad:
                    yield Trained(part_of(name), name, suffix, parameter, factor, own.is_up(suffix))

    def parameters(self, part: str | None = None) -> Iterator[nn.Parameter]:
        """Trained parameters, of one part or of all, in the layers' order."""
        return (one.parameter for one in self.trained() if part in (None, one.part))

    def state(self) -> dict[str, Tensor]:
        """Kohya name → tensor, float32 copies on the CPU."""
        return {
            f"{name}.{suffix}": tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
            for name in self._layers
            for suffix, tensor in self.layer(name).state().items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over ``state()`` of an adapter like this one, in any float type. Raises ``LorabuildError`` otherwise."""
        found: dict[str, dict[str, Tensor]] = {name: {} for name in self._layers}
        for key, tensor in state.items():
            name, _, suffix = key.partition(".")
            if name not in found:
                raise LorabuildError(f"the file has the layer {name}, which this adapter lacks")
            found[name][suffix] = tensor
        for name, tensors in found.items():
            try:
                self.layer(name).load(tensors)
            except ValueError as error:
                raise LorabuildError(f"the file doesn't fit this adapter at {name}: {error}") from error

    def to(self, device: torch.device) -> Adapter:
        """Move the parameters; they stay float32."""
        self.modules.to(device=device)
        return self


class _Around:
    """A layer's forward with an adapter in front."""

    def __init__(self, adapter: Adapter, layer: LayerAdapter, base: Below) -> None:
        self.adapter, self.layer, self.base = adapter, layer, base
        self.share = 1.0

    def forward(self, x: Tensor) -> Tensor:
        multiplier = self.adapter.multiplier * self.share
        return self.layer.adapted(x, self.base, multiplier) if multiplier else self.base(x)


def part_of(name: str) -> str:
    """The part of the model that a kohya layer name speaks of."""
    return next((part for begin, part in PARTS.items() if name.startswith(begin)), "unet")
