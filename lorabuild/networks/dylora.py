"""DyLoRA: every image draws a rank, and one block of ranks learns on top of those below (Valipour et al. 2022).

Cut to r ranks the strength is alpha / dim · √(dim / r), in training as in ``cut``. In a file it is a LoRA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lorabuild.core.counted import unit
from lorabuild.networks import strength
from lorabuild.networks.layer import Form
from lorabuild.networks.lora import LowRank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lorabuild.networks.layer import Below
    from lorabuild.schema.network import DyLoRA

CONVOLUTIONS = True


def make(name: str, layer: nn.Module, settings: DyLoRA, seed: int) -> Dynamic:  # noqa: ARG001 - every make takes a name
    """The adapter of one layer; where its rank is no multiple of ``unit``, the last block is smaller."""
    made = Dynamic(Form.of(layer), settings.dim, settings.alpha, settings.unit)
    made.start(seed)
    return made


class Dynamic(LowRank):
    """A LoRA that is usable at every multiple of ``unit``. All layers of a row have the same share of their ranks."""

    def __init__(self, form: Form, dim: int, alpha: float, unit: int) -> None:
        super().__init__(form, dim, alpha)
        self.unit = unit

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """With all ranks at rest; with a row's own while it trains."""
        if self.chance.seeds.rows is None:
            return super().adapted(x, base, multiplier)
        return base(x) + self.through(x, self.scale * multiplier)

    def through(self, x: Tensor, strength: float) -> Tensor:
        """The block that learns, and the ranks below it, which stay as they are."""
        if self.chance.seeds.rows is None:
            return super().through(x, strength)
        learning, below = self._masks(x)
        inner = [self.form.apply(x, down.to(x.dtype)) for down in (self.lora_down, self.lora_down.detach())]
        live, still = (
            self.chance.thin(values, self.form.axis) * (mask * strength).to(values.dtype)
            for values, mask in zip(inner, (learning, below), strict=True)
        )
        return self.widened(live, self.lora_up) + self.widened(still, self.lora_up.detach())

    def _masks(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """√(dim / r) where ranks learn, and where they are only used; 0 elsewhere. Shaped to multiply the inner."""
        dim = len(self.lora_down)
        rows = self.chance.rows()
        drawn = torch.tensor([int(unit(seed, "rank") * -(-dim // self.unit)) for seed in rows])
        low = drawn.repeat_interleave(len(x) // len(rows))[:, None] * self.unit
        places = torch.arange(dim)[None]
        strength = (dim / (low + self.unit).clamp(max=dim)).sqrt()
        masks = (((places >= low) & (places < low + self.unit)) * strength, (places < low) * strength)
        between = [1] * (x.dim() - 2)
        shape = (len(x), *between, dim) if self.form.linear else (len(x), dim, *between)
        first, second = (mask.view(shape).to(x.device) for mask in masks)
        return first, second


def cut(state: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """The file (kohya name → tensor) of a DyLoRA with this share of every layer's ranks, exact at multiples of unit."""
    made = dict(state)
    for key, down in state.items():
        layer, _, suffix = key.partition(".")
        if suffix == "lora_down.weight":
            rank = max(1, round(len(down) * share))
            up, alpha = state[f"{layer}.lora_up.weight"], state[f"{layer}.alpha"]
            made[key] = down[:rank].contiguous()
            made[f"{layer}.lora_up.weight"] = up[:, :rank].contiguous()
            made[f"{layer}.alpha"] = strength.alpha(float(alpha) * (rank / len(down)) ** 0.5, alpha.dtype)
    return made
