"""The life of an adapter: put on a model from outside, trained, saved, loaded, taken off again without a trace.

It knows layers by name and nothing of the model around them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

from lorabuild.core.errors import LorabuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from torch import Tensor

    Forward = Callable[[Tensor], Tensor]

UNET, TEXT_ENCODER = "unet", "text_encoder"


class LayerAdapter(nn.Module, ABC):
    """What is added to one layer: float32 parameters and their arithmetic. A new one changes nothing."""

    @abstractmethod
    def adapted(self, x: Tensor, base: Forward, multiplier: float) -> Tensor:
        """The layer's output for x at this strength; ``base`` is the layer alone, and 0 gives exactly that."""

    @abstractmethod
    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """The weight (float32) that alone gives what ``adapted`` gives."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Kohya suffix → tensor."""

    @abstractmethod
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the tensors of ``state()``. Raises ``ValueError`` where names or shapes differ."""


class Adapter:
    """Layer adapters by kohya name, on or off their layers.

    Attributes:
        modules: every layer's adapter, an ``nn.ModuleDict``.
        multiplier: strength of all of them; 0 is exactly the base.
    """

    def __init__(self, layers: Mapping[str, nn.Module], adapters: Mapping[str, LayerAdapter]) -> None:
        self._layers = {name: layers[name] for name in adapters}
        self.modules = nn.ModuleDict(adapters)
        self.multiplier = 1.0
        self._before: dict[str, Forward | None] | None = None

    @property
    def attached(self) -> bool:
        """Whether it is on its layers."""
        return self._before is not None

    def attach(self) -> Adapter:
        """Stand in front of every layer's forward; further adapters may be put on top."""
        if self._before is None:
            self._before = {name: layer.__dict__.get("forward") for name, layer in self._layers.items()}
            for name, layer in self._layers.items():
                layer.forward = _Around(self, self.layer(name), layer.forward)
        return self

    def detach(self) -> None:
        """Give every layer its own forward back. Raises ``LorabuildError`` while another adapter sits on top."""
        if self._before is None:
            return
        around = [layer.__dict__.get("forward") for layer in self._layers.values()]
        if not all(isinstance(forward, _Around) and forward.adapter is self for forward in around):
            raise LorabuildError("another adapter sits on top of this one", next_step="take that one off first")
        for name, layer in self._layers.items():
            before = self._before[name]
            if before is None:
                del layer.forward
            else:
                layer.forward = before
        self._before = None

    def layer(self, name: str) -> LayerAdapter:
        """The adapter of one layer."""
        found = self.modules[name]
        assert isinstance(found, LayerAdapter)
        return found

    def layers(self) -> Iterator[tuple[str, nn.Module, LayerAdapter]]:
        """Name, layer and its adapter."""
        return ((name, layer, self.layer(name)) for name, layer in self._layers.items())

    def parameters(self, part: str | None = None) -> Iterator[nn.Parameter]:
        """Trained parameters, of ``unet`` or ``text_encoder`` or both, in the layers' order."""
        for name in self._layers:
            if part is None or part_of(name) == part:
                yield from self.layer(name).parameters()

    def state(self) -> dict[str, Tensor]:
        """Kohya name → tensor, float32 copies on the CPU."""
        return {
            f"{name}.{suffix}": tensor.detach().float().cpu().clone().contiguous()
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

    def __init__(self, adapter: Adapter, layer: LayerAdapter, base: Forward) -> None:
        self.adapter, self.layer, self.base = adapter, layer, base

    def __call__(self, x: Tensor) -> Tensor:
        return self.layer.adapted(x, self.base, self.adapter.multiplier)


def part_of(name: str) -> str:
    """The part of the model that a kohya layer name speaks of."""
    return TEXT_ENCODER if name.startswith("lora_te") else UNET
