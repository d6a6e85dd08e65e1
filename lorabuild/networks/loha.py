"""LoHa: ΔW = (w1_a w1_b) ∘ (w2_a w2_b), the product value by value (Hyeon-Woo et al. 2022, FedPara).

Of two rank-r products it is a product of rank r², so that wide layers with few rows go through r² channels without ΔW;
others add ΔW to the weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import Additive, Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.schema.network import LoHa

CONVOLUTIONS = True
MARKS = ("hada_w1_a",)
READS = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "alpha")


def make(name: str, layer: nn.Module, settings: LoHa, seed: int) -> Hadamard:  # noqa: ARG001 - every make takes a name
    """The adapter of one layer; ``w2_a`` starts at zero, the others normal (0.1 for ``w1_a``, else 1)."""
    made = Hadamard(Form.of(layer), settings.dim, settings.alpha)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter, spread in ((made.hada_w1_a, 0.1), (made.hada_w1_b, 1.0), (made.hada_w2_b, 1.0)):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return made


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> Hadamard:
    """The adapter of one layer in a file; without an alpha the strength is 1."""
    dim = len(state["hada_w1_b"])
    made = Hadamard(Form.of(layer), dim, float(state.get("alpha", dim)))
    made.take(state)
    return made


class Hadamard(Additive):
    """``hada_w1_a`` [o, r], ``hada_w1_b`` [r, i·k·k], the same again as ``w2``, and ``alpha``."""

    UP = ("hada_w2_a",)

    def __init__(self, form: Form, dim: int, alpha: float) -> None:
        super().__init__(form)
        self.alpha = float(alpha)
        outputs, inputs = form.flat
        self.hada_w1_a = nn.Parameter(torch.zeros(outputs, dim))
        self.hada_w1_b = nn.Parameter(torch.zeros(dim, inputs))
        self.hada_w2_a = nn.Parameter(torch.zeros(outputs, dim))
        self.hada_w2_b = nn.Parameter(torch.zeros(dim, inputs))

    @property
    def scale(self) -> float:
        """The strength of the difference, alpha / dim."""
        return self.alpha / len(self.hada_w1_b)

    def through(self, x: Tensor, strength: float) -> Tensor:
        """Strength · ΔW x, by the cheaper of two ways."""
        if not self.builds(x):
            down = (self.hada_w1_b[:, None] * self.hada_w2_b[None]).flatten(0, 1)
            up = (self.hada_w1_a[:, :, None] * self.hada_w2_a[:, None]).flatten(1)
            inner = nn.functional.linear(x, down.to(x.dtype)) * strength
            out = nn.functional.linear(inner, up.to(inner.dtype))
        else:
            out = self.form.apply(x, (self.difference() * strength).to(x.dtype))
        return self.chance.thin(out, self.form.axis)

    def builds(self, x: Tensor) -> bool:
        """Unless r² channels cost less, counted in multiplications of a step."""
        outputs, inputs = self.form.flat
        dim, rows = len(self.hada_w1_b), self.form.rows(x)
        return not self.form.linear or 3 * rows * dim**2 * (outputs + inputs) >= outputs * inputs * (rows + 6 * dim)

    def difference(self) -> Tensor:
        """(w1_a w1_b) ∘ (w2_a w2_b)."""
        return ((self.hada_w1_a @ self.hada_w1_b) * (self.hada_w2_a @ self.hada_w2_b)).view(self.form.size)

    def state(self) -> dict[str, Tensor]:
        """LyCORIS's five tensors."""
        return {"alpha": torch.tensor(self.alpha), **dict(self.named_parameters())}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Alpha comes from the file."""
        super().take(state)
        self.alpha = float(state.get("alpha", self.alpha))
