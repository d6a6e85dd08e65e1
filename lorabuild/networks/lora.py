"""LoRA: W x + (alpha / dim) · up(down(x)) on Linear and Conv2d (Hu et al. 2021). The weight is never rebuilt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from lorabuild.networks.adapter import LayerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.adapter import Forward
    from lorabuild.schema.network import LoRA

CONVOLUTIONS = False


def make(layer: nn.Linear | nn.Conv2d, settings: LoRA, seed: int) -> LayerAdapter:
    """The adapter of one layer; ``seed`` decides how ``down`` starts."""
    return low_rank(layer, settings.dim, settings.alpha, seed)


def low_rank(layer: nn.Linear | nn.Conv2d, dim: int, alpha: float, seed: int) -> LayerAdapter:
    """``down`` starts uniform within 1/√fan-in (kaiming, a=√5), ``up`` at zero."""
    adapter = LinearLoRA(layer, dim, alpha) if isinstance(layer, nn.Linear) else Conv2dLoRA(layer, dim, alpha)
    adapter.start(seed)
    return adapter


class LowRank(LayerAdapter):
    """What Linear and Conv2d share: ``lora_down`` [r, i, …], ``lora_up`` [o, r, …], ``alpha``."""

    lora_down: nn.Parameter
    lora_up: nn.Parameter

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = float(alpha)

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

    def state(self) -> dict[str, Tensor]:
        """Kohya's three tensors; alpha has no dimension."""
        return {"alpha": torch.tensor(self.alpha), "lora_down.weight": self.lora_down, "lora_up.weight": self.lora_up}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a file's tensors; alpha comes from the file."""
        own = self.state()
        if set(state) != set(own):
            raise ValueError(f"it has {sorted(state)}, not {sorted(own)}")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise ValueError(f"{name} is {list(state[name].shape)}, not {list(tensor.shape)}")
        with torch.no_grad():
            self.lora_down.copy_(state["lora_down.weight"])
            self.lora_up.copy_(state["lora_up.weight"])
        self.alpha = float(state["alpha"])

    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """W + multiplier · scale · up · down, in float32."""
        down, up = self.lora_down.float(), self.lora_up.float()
        delta = (up.flatten(1) @ down.flatten(1)).view(weight.shape)
        return weight.float() + multiplier * self.scale * delta


class LinearLoRA(LowRank):
    """On a Linear: down [r, i], up [o, r]."""

    def __init__(self, layer: nn.Linear, dim: int, alpha: float) -> None:
        super().__init__(alpha)
        device = layer.weight.device
        self.lora_down = nn.Parameter(torch.zeros(dim, layer.in_features, device=device))
        self.lora_up = nn.Parameter(torch.zeros(layer.out_features, dim, device=device))

    def adapted(self, x: Tensor, base: Forward, multiplier: float) -> Tensor:
        """From x [..., i] to [..., o]."""
        plain, scale = base(x), self.scale * multiplier
        if not scale:
            return plain
        inner = functional.linear(x, self.lora_down.to(x.dtype)) * scale
        return plain + functional.linear(inner, self.lora_up.to(inner.dtype))


class Conv2dLoRA(LowRank):
    """On a Conv2d: down [r, i, k, k] with the layer's stride, padding and dilation, up [o, r, 1, 1]."""

    def __init__(self, layer: nn.Conv2d, dim: int, alpha: float) -> None:
        super().__init__(alpha)
        if layer.groups != 1 or layer.padding_mode != "zeros":
            raise ValueError("grouped convolutions, and paddings other than zeros, can't carry a LoRA")
        device, out = layer.weight.device, layer.out_channels
        self.lora_down = nn.Parameter(torch.zeros(dim, layer.in_channels, *layer.kernel_size, device=device))
        self.lora_up = nn.Parameter(torch.zeros(out, dim, 1, 1, device=device))
        self._stride, self._padding, self._dilation = layer.stride, layer.padding, layer.dilation

    def adapted(self, x: Tensor, base: Forward, multiplier: float) -> Tensor:
        """From x [B, i, H, W] to [B, o, H', W']."""
        plain, scale = base(x), self.scale * multiplier
        if not scale:
            return plain
        inner = self._down(x) * scale
        return plain + functional.conv2d(inner, self.lora_up.to(inner.dtype))

    def _down(self, x: Tensor) -> Tensor:
        down = self.lora_down.to(x.dtype)
        if isinstance(self._padding, str):  # conv2d is typed for a word and for numbers, not for either
            return functional.conv2d(x, down, None, self._stride, self._padding, self._dilation)
        return functional.conv2d(x, down, None, self._stride, self._padding, self._dilation)
