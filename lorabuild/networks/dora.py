"""DoRA: the weight of every input is a direction, which another network changes, times a learned length (Liu 2024).

``W' = dora_scale · (W + ΔW) / ‖W + ΔW‖``, the norm over outputs and kernel: the form that clients apply exactly.
Scaling inputs instead of the weight, nothing is rebuilt: ``W' x = (W + ΔW)(s x)`` with ``s = dora_scale / ‖W + ΔW‖``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import Additive, LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.layer import Below

EPS = torch.finfo(torch.float32).eps
"""What clients add to the norm."""


class Dora(LayerAdapter):
    """``dora_scale`` [1, i] or [1, i, 1, 1], and the tensors of the network below it."""

    def __init__(self, direction: LayerAdapter, scale: Tensor) -> None:
        super().__init__(direction.form)
        if not isinstance(direction, Additive):
            raise ValueError("dora_scale stands beside tensors that it can't scale")  # noqa: TRY004 - caught by kind
        shape = (1, self.form.size[1], *(1 for _ in self.form.size[2:]))
        if scale.numel() != shape[1] or (scale.dim() > 1 and scale.shape[0] != 1):
            raise ValueError(f"dora_scale is {list(scale.shape)}: only the form along inputs, {list(shape)}, is exact")
        self.direction, self.chance = direction, direction.chance
        self.UP = direction.UP
        self.dora_scale = nn.Parameter(scale.detach().float().reshape(shape).clone())

    @classmethod
    def start(cls, direction: LayerAdapter, weight: Tensor) -> Dora:
        """Lengths as they are: it changes nothing."""
        assert isinstance(direction, Additive)
        with torch.no_grad():
            return cls(direction, direction.to(weight.device).lengths(weight) + EPS)

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """The layer with its difference, on inputs that are scaled."""
        factor = self.dora_scale.flatten() / (self.direction.lengths(base.layer.weight) + EPS)
        scaled = x * self.form.along(factor).to(x.dtype)
        if multiplier == 1 and not self.chance.active:
            return self.direction.adapted(scaled, base, 1.0)
        change = (scaled - x) * multiplier
        if self.chance.active and self.chance.module:
            change = change * self.chance.present(change)
        return base(x + change) + self.direction.through(scaled, self.direction.scale * multiplier)

    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """W + multiplier · (W' - W), in float32."""
        whole = self.direction.merged(weight, 1.0)
        factor = self.dora_scale / (self.direction.lengths(weight) + EPS).view(self.dora_scale.shape)
        return weight.float() + multiplier * (whole * factor - weight.float())

    def state(self) -> dict[str, Tensor]:
        """The network's own tensors and ``dora_scale``."""
        return {**self.direction.state(), "dora_scale": self.dora_scale}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Take over tensors that fit."""
        self.direction.take({name: tensor for name, tensor in state.items() if name != "dora_scale"})
        with torch.no_grad():
            self.dora_scale.copy_(state["dora_scale"])
