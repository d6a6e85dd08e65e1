"""IA3: one learned factor for every input, or every output, of a layer: W · (1 + w) (Liu et al. 2022)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import Form, LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.layer import Below
    from lorabuild.schema.network import IA3

CONVOLUTIONS = True
MARKS = ("on_input",)
READS = ("weight", "on_input", "alpha")


def make(name: str, layer: nn.Module, settings: IA3, seed: int) -> Factors:  # noqa: ARG001 - it starts at zero
    """The adapter of one layer, at zero. Convolutions scale their inputs: that form alone is read right outside."""
    form = Form.of(layer)
    return Factors(form, on_input=not form.linear or any(fnmatchcase(name, one) for one in settings.on_input))


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> Factors:
    """The adapter of one layer in a file."""
    made = Factors(Form.of(layer), on_input=bool(state["on_input"]))
    made.take({"weight": state["weight"].reshape(made.weight.shape)})
    return made


class Factors(LayerAdapter):
    """``weight`` [i] or [o] (a convolution: [1, i, 1, 1]) and ``on_input``, 0 or 1. A bias isn't scaled."""

    def __init__(self, form: Form, *, on_input: bool) -> None:
        super().__init__(form)
        self.on_input = on_input
        channels = form.size[1 if on_input else 0]
        self.weight = nn.Parameter(torch.zeros((channels,) if form.linear else (1, channels, 1, 1)))

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """Scaled inputs through the layer, or the layer's outputs scaled."""
        factors = self.form.along(self.weight.flatten()) * multiplier
        if self.on_input:
            return base(x + self.chance.thin(x * factors.to(x.dtype), self.form.axis))
        out = base(x)
        plain = out if base.bias is None else out - self.form.along(base.bias).to(out.dtype)
        return out + self.chance.thin(plain * factors.to(out.dtype), self.form.axis)

    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """W · (1 + multiplier · w), in float32."""
        side = (1, -1) if self.on_input else (-1, 1)
        factors = self.weight.float().view(*side, *(1 for _ in self.form.size[2:]))
        return weight.float() * (1 + multiplier * factors)

    def state(self) -> dict[str, Tensor]:
        """LyCORIS's two tensors."""
        return {"weight": self.weight, "on_input": torch.tensor(float(self.on_input))}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """The side is the adapter's own: a file of the other side is refused."""
        if "on_input" in state and bool(state["on_input"]) != self.on_input:
            raise ValueError("it scales the other side of the layer")
        super().take(state)
