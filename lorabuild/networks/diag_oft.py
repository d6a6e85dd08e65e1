"""Diag-OFT: the outputs of a layer are turned, block by block, and keep their lengths (Qiu et al. 2023).

R = (I + Q)(I - Q)⁻¹ with Q = B - Bᵀ (Cayley), one for each block of outputs; W' = Rᵀ W, and a bias stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import BUILDING, Form, LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.layer import Below
    from lorabuild.schema.network import DiagOFT

CONVOLUTIONS = True
MARKS = ("oft_blocks",)
READS = ("oft_blocks", "alpha")
PASSES = 150
"""What turning one output costs beside its multiplications."""


def make(name: str, layer: nn.Module, settings: DiagOFT, seed: int) -> Turning:  # noqa: ARG001 - it starts at zero
    """The adapter of one layer, at zero."""
    form = Form.of(layer)
    side = next((side for side in range(settings.dim, 1, -1) if form.size[0] % side == 0), 0)
    if not side:
        raise ValueError(f"its {form.size[0]} outputs can't be parted into blocks of 2 to {settings.dim}")
    return Turning(form, side)


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> Turning:
    """The adapter of one layer in a file. Raises ``ValueError`` for BOFT, and for a constraint."""
    blocks, form = state["oft_blocks"], Form.of(layer)
    if blocks.dim() != 3 or blocks.shape[0] * blocks.shape[1] != form.size[0]:
        raise ValueError(f"oft_blocks is {list(blocks.shape)} for {form.size[0]} outputs")
    if "alpha" in state and float(state["alpha"]) > 0:
        raise ValueError("its blocks are constrained, which clients read in two ways")
    made = Turning(form, blocks.shape[1])
    made.take({"oft_blocks": blocks})
    return made


class Turning(LayerAdapter):
    """``oft_blocks`` [o / b, b, b]; its ``alpha`` of 0 says that nothing constrains them."""

    def __init__(self, form: Form, side: int) -> None:
        super().__init__(form)
        self.oft_blocks = nn.Parameter(torch.zeros(form.size[0] // side, side, side))

    def turn(self, strength: float) -> Tensor:
        """Strength · (Rᵀ - I), [o / b, b, b]; R - I = 2 (I - Q)⁻¹ Q loses nothing of a small Q."""
        skew = self.oft_blocks - self.oft_blocks.transpose(1, 2)
        one = torch.eye(skew.shape[-1], dtype=skew.dtype, device=skew.device)
        turned: Tensor = torch.linalg.solve(one - skew, skew).transpose(1, 2) * (2 * strength)
        return turned

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """The layer's outputs, turned; on narrow layers its weight is turned instead, which costs less."""
        if not self.chance.active and self._builds(x) and base.open(x):
            weight = base.layer.weight
            return self.form.apply(x, weight + self._turned(weight, self.turn(multiplier)), base.bias)
        out = base(x)
        plain = out if base.bias is None else out - self.form.along(base.bias).to(out.dtype)
        turn = self.turn(multiplier).to(out.dtype)
        blocks, side, _ = turn.shape
        if self.form.linear:
            parted = plain.reshape(-1, blocks, side).transpose(0, 1)
            change = torch.bmm(parted, turn.transpose(1, 2)).transpose(0, 1).reshape(out.shape)
        else:
            change = (turn @ plain.reshape(len(out), blocks, side, -1)).view(out.shape)
        return out + self.chance.thin(change, self.form.axis)

    def _builds(self, x: Tensor) -> bool:
        """Whether W has fewer inputs than passing over the outputs costs (measured)."""
        inputs, rows = self.form.flat[1], self.form.rows(x)
        return inputs * (rows + BUILDING) < rows * (3 * self.oft_blocks.shape[1] + PASSES)

    def _turned(self, weight: Tensor, turn: Tensor) -> Tensor:
        """(Rᵀ - I) W."""
        return (turn @ weight.reshape(len(turn), turn.shape[1], -1)).view(weight.shape)

    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """W + multiplier · (Rᵀ - I) W, in float32."""
        return weight.float() + self._turned(weight.float(), self.turn(multiplier).float())

    def state(self) -> dict[str, Tensor]:
        """LyCORIS's two tensors."""
        return {"oft_blocks": self.oft_blocks, "alpha": torch.tensor(0.0)}
