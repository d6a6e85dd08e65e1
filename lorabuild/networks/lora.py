"""LoRA: W x + (alpha / dim) · up(down(x)) on Linear and Conv2d (Hu et al. 2021)."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks import kernels
from lorabuild.networks.bypass import inside, low_rank_linear, low_rank_point
from lorabuild.networks.layer import Additive, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lorabuild.networks.layer import Below
    from lorabuild.schema.network import LoCon, LoRA, LoRAFA

CONVOLUTIONS = False
MARKS = ("lora_down.weight",)
READS = ("lora_down.weight", "lora_up.weight", "alpha")


def make(name: str, layer: nn.Module, settings: LoRA | LoCon | LoRAFA, seed: int) -> LowRank:  # noqa: ARG001 - every make takes a name
    """The adapter of one layer; ``down`` starts uniform within 1/√fan-in (kaiming, a=√5), ``up`` at zero."""
    made = LowRank(Form.of(layer), settings.dim, settings.alpha)
    made.start(seed)
    return made


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> LowRank:
    """The adapter of one layer in a file; without an alpha the strength is 1."""
    down, up = state["lora_down.weight"], state["lora_up.weight"]
    made = LowRank(Form.of(layer), len(down), float(state.get("alpha", len(down))))
    shaped = {"lora_down.weight": down.reshape(made.lora_down.shape), "lora_up.weight": up.reshape(made.lora_up.shape)}
    made.take(shaped | {"alpha": torch.tensor(made.alpha)})
    return made


class LowRank(Additive):
    """``lora_down`` [r, i, …] with the layer's kernel and stride, ``lora_up`` [o, r, …], ``alpha``."""

    UP = ("lora_up",)

    def __init__(self, form: Form, dim: int, alpha: float) -> None:
        super().__init__(form)
        self.alpha = float(alpha)
        one = () if form.linear else (1, 1)
        self.lora_down = nn.Parameter(torch.zeros(dim, *form.size[1:]))
        self.lora_up = nn.Parameter(torch.zeros(form.size[0], dim, *one))

    @property
    def scale(self) -> float:
        """The strength of the delta, alpha / dim."""
        return self.alpha / self.lora_down.shape[0]

    def start(self, seed: int) -> None:
        """Counted start: no generator is shared, so the order of layers doesn't matter."""
        bound = 1 / math.sqrt(self.lora_down[0].numel())
        drawn = torch.rand(self.lora_down.shape, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            self.lora_down.copy_((2 * drawn - 1) * bound)

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """From x [..., i] to [..., o], or [B, i, H, W] to [B, o, H', W']."""
        whole = self._whole(x) if base.open(x) and not self.chance.active else None
        if whole is None:
            return super().adapted(x, base, multiplier)
        return whole(x, base.layer.weight, base.bias, self.lora_down, self.lora_up, self.scale * multiplier)

    def _whole(self, x: Tensor) -> Callable[..., Tensor] | None:
        """The layer and its difference as one operation, where there is one that is faster than both."""
        if self.form.linear:
            return low_rank_linear
        if not self.lora_down.requires_grad or not x.is_contiguous() or isinstance(self.form.padding, str):
            return None
        if self.form.point:
            return low_rank_point
        large = inside(self.form.rows(x), *self.form.flat, kernels.ROWS)
        return partial(kernels.low_rank_kernel, form=self.form) if large else None

    def through(self, x: Tensor, strength: float) -> Tensor:
        """Through the narrow middle, where single values and ranks may rest."""
        inner = self.form.apply(x, self.lora_down.to(x.dtype))
        inner = self.chance.thin(inner, self.form.axis) * strength
        return self.widened(inner, self.lora_up)

    def widened(self, inner: Tensor, up: Tensor) -> Tensor:
        """From the ranks to the outputs."""
        if self.form.linear:
            return nn.functional.linear(inner, up.to(inner.dtype))
        return nn.functional.conv2d(inner, up.to(inner.dtype))

    def difference(self) -> Tensor:
        """The product of both."""
        return (self.lora_up.flatten(1) @ self.lora_down.flatten(1)).view(self.form.size)

    def lengths(self, weight: Tensor) -> Tensor:
        """Of the columns of W + scale · up · down, which is not built for it."""
        up, down = self.lora_up.flatten(1), self.lora_down.view(*self.lora_down.shape[:2], -1)
        plain = weight.to(up.dtype)
        across = (up.t() @ plain.flatten(1)).view(down.shape)
        along = ((up.t() @ up) @ down.flatten(1)).view(down.shape)
        change = ((2 * self.scale) * across + self.scale**2 * along) * down
        before = plain.square().transpose(0, 1).flatten(1).sum(1)
        return (before + change.sum((0, 2))).clamp(min=1e-30).sqrt()

    def norm(self) -> Tensor:
        """Of up · down without building it: ‖up · down‖² = ⟨upᵀ up, down downᵀ⟩."""
        up, down = self.lora_up.flatten(1), self.lora_down.flatten(1)
        return ((up.t() @ up) * (down @ down.t())).sum().clamp(min=0).sqrt() * abs(self.scale)

    def state(self) -> dict[str, Tensor]:
        """Kohya's three tensors; alpha has no dimension."""
        return {"alpha": torch.tensor(self.alpha), "lora_down.weight": self.lora_down, "lora_up.weight": self.lora_up}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Alpha comes from the file."""
        with torch.no_grad():
            self.lora_down.copy_(state["lora_down.weight"])
            self.lora_up.copy_(state["lora_up.weight"])
        self.alpha = float(state["alpha"])
