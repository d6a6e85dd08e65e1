"""Full: the difference of every weight, without a rank. A file may also hold that of the bias (LyCORIS writes it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import Additive, Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.schema.network import Full

CONVOLUTIONS = True
MARKS = ("diff",)
READS = ("diff", "diff_b", "alpha")


def make(name: str, layer: nn.Module, settings: Full, seed: int) -> Difference:  # noqa: ARG001 - every make takes them
    """The adapter of one layer, at zero."""
    return Difference(Form.of(layer))


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> Difference:
    """The adapter of one layer in a file."""
    made = Difference(Form.of(layer), bias="diff_b" in state)
    if made.diff_b is not None and layer.bias is None:
        raise ValueError("diff_b stands for a bias that the layer lacks")
    shaped = {name: state[name].reshape(parameter.shape) for name, parameter in made.named_parameters()}
    made.take(shaped)
    return made


class Difference(Additive):
    """``diff`` as the weight, and ``diff_b`` [o] where a file has it."""

    UP = ("diff",)

    def __init__(self, form: Form, *, bias: bool = False) -> None:
        super().__init__(form)
        self.diff = nn.Parameter(torch.zeros(form.size))
        self.diff_b = nn.Parameter(torch.zeros(form.size[0])) if bias else None

    @property
    def scale(self) -> float:
        """Nothing scales it."""
        return 1.0

    def builds(self, x: Tensor) -> bool:  # noqa: ARG002 - it is built already
        """Always, but for a bias."""
        return self.diff_b is None

    def through(self, x: Tensor, strength: float) -> Tensor:
        """Strength · diff x."""
        bias = None if self.diff_b is None else self.diff_b.to(x.dtype)
        return self.chance.thin(self.form.apply(x, self.diff.to(x.dtype), bias) * strength, self.form.axis)

    def difference(self) -> Tensor:
        """It is the parameter."""
        return self.diff

    def bias_difference(self) -> Tensor | None:
        """What is added to the layer's bias."""
        return self.diff_b

    def state(self) -> dict[str, Tensor]:
        """``diff``, and ``diff_b``."""
        return {"diff": self.diff} if self.diff_b is None else {"diff": self.diff, "diff_b": self.diff_b}
