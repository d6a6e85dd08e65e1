"""What an adapter of one layer is, and what it knows of the layer below it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lorabuild.networks.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

BUILDING = 60
"""What building a weight and its gradient costs, in multiplications of each of its values."""

EXACT = (torch.float32, torch.float64)
"""Float types in which a changed weight loses nothing of a small change."""


@dataclass(frozen=True, slots=True)
class Form:
    """The shape of a layer's weight, and how the layer applies one. ``stride`` and the rest are of convolutions."""

    size: tuple[int, ...]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1

    @classmethod
    def of(cls, layer: nn.Module) -> Form:
        """Raises ``ValueError`` for a layer that nothing here can sit on."""
        if isinstance(layer, nn.Linear):
            return cls(tuple(layer.weight.shape))
        if not isinstance(layer, nn.Conv2d):
            raise ValueError(f"{type(layer).__name__} is neither Linear nor Conv2d")  # noqa: TRY004 - caught by kind
        if layer.groups != 1 or layer.padding_mode != "zeros":
            raise ValueError("grouped convolutions, and paddings other than zeros, can't carry one")
        return cls(tuple(layer.weight.shape), layer.stride, layer.padding, layer.dilation)

    @property
    def linear(self) -> bool:
        """Whether it is a Linear: channels stand last there, and behind the rows in a convolution."""
        return len(self.size) == 2

    @property
    def point(self) -> bool:
        """Whether it is a convolution that sees one pixel at a time."""
        return self.size[2:] == (1, 1) and self.stride == (1, 1) and self.padding in ((0, 0), "valid", "same")

    def rows(self, x: Tensor) -> int:
        """How often the weight is applied, where strides are 1."""
        return x.numel() // self.size[1]

    @property
    def axis(self) -> int:
        """Where channels stand."""
        return -1 if self.linear else 1

    @property
    def flat(self) -> tuple[int, int]:
        """Outputs, and inputs with the kernel: ``[o, i·k·k]``."""
        return self.size[0], torch.Size(self.size[1:]).numel()

    def apply(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """X through a weight, as the layer does it."""
        if self.linear:
            return functional.linear(x, weight, bias)
        return functional.conv2d(x, weight, bias, self.stride, self.padding, self.dilation)

    def along(self, channels: Tensor) -> Tensor:
        """Numbers [c], one a channel, shaped to multiply what the layer takes or gives."""
        return channels if self.linear else channels.view(-1, 1, 1)


class Below:
    """A layer as it was before an adapter came: called, it is the layer alone (with older adapters on it)."""

    __slots__ = ("_alone", "_forward", "layer")

    def __init__(self, layer: nn.Module) -> None:
        self.layer: Any = layer
        self._alone = "forward" not in layer.__dict__ and type(layer) in (nn.Linear, nn.Conv2d)
        self._forward: Callable[[Tensor], Tensor] = layer.forward

    def __call__(self, x: Tensor) -> Tensor:
        """The layer's output."""
        return self._forward(x)

    @property
    def bias(self) -> Tensor | None:
        """The layer's bias."""
        found: Tensor | None = self.layer.bias
        return found

    def open(self, x: Tensor) -> bool:
        """Whether the layer's frozen weight may be used in its stead, with nothing lost: no adapter, no rounding.

        A compiler joins the layer and what is beside it by itself.
        """
        weight = self.layer.weight
        return (
            self._alone
            and not torch.compiler.is_compiling()
            and weight.dtype == x.dtype
            and x.dtype in EXACT
            and not weight.requires_grad
            and not torch.is_autocast_enabled(x.device.type)
        )


class LayerAdapter(nn.Module, ABC):
    """What is added to one layer: float32 parameters and their arithmetic. A new one changes nothing.

    Attributes:
        form: of the layer below.
        chance: what of it rests in training.
        UP: names of the parameters that start at zero.
    """

    UP: tuple[str, ...] = ()

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.chance = Chance()

    @abstractmethod
    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """The layer's output for x at this strength, which isn't 0; ``base`` is the layer alone."""

    @abstractmethod
    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """The weight (float32) that alone gives what ``adapted`` gives."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Kohya suffix → tensor."""

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the tensors of ``state()``. Raises ``ValueError`` where names or shapes differ."""
        own = self.state()
        if set(state) != set(own):
            raise ValueError(f"it has {sorted(state)}, not {sorted(own)}")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise ValueError(f"{name} is {list(state[name].shape)}, not {list(tensor.shape)}")
        self.take(state)

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Take over tensors that fit."""
        parameters = dict(self.named_parameters())
        with torch.no_grad():
            for name, tensor in state.items():
                if name in parameters:
                    parameters[name].copy_(tensor)

    def bias_difference(self) -> Tensor | None:
        """What is added to the layer's bias at full strength, if anything."""
        return None

    def is_up(self, name: str) -> bool:
        """Whether this parameter is on the side that LoRA+ speeds up."""
        return name.rpartition(".")[2] in self.UP


class Additive(LayerAdapter):
    """Adapters that add a difference to the weight: ``(W + multiplier · scale · ΔW) x``.

    Attributes:
        alpha: as clients read it; the strength is ``alpha / rank``.
    """

    alpha: float = 1.0

    @property
    @abstractmethod
    def scale(self) -> float:
        """Factor on the difference."""

    @abstractmethod
    def through(self, x: Tensor, strength: float) -> Tensor:
        """Strength · ΔW x, with what rests left out; ΔW is not built where that can be helped."""

    @abstractmethod
    def difference(self) -> Tensor:
        """ΔW without the scale, shaped as the weight."""

    def factors(self) -> list[nn.Parameter]:
        """The trained parameters whose product the difference is: scaling each scales it."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def lengths(self, weight: Tensor) -> Tensor:
        """Norm of every input's column of W + scale · ΔW, over outputs and kernel: [i], float32."""
        whole = weight.float() + self.scale * self.difference()
        lengths: Tensor = whole.transpose(0, 1).flatten(1).norm(dim=1)
        return lengths

    def norm(self) -> Tensor:
        """Frobenius norm of the difference with its scale."""
        long: Tensor = self.difference().norm()
        return long * abs(self.scale)

    def adapted(self, x: Tensor, base: Below, multiplier: float) -> Tensor:
        """Through the changed weight, where that costs less and loses nothing; else the layer and what is beside it."""
        if self.chance.active or not self.builds(x) or not base.open(x):
            return base(x) + self.through(x, self.scale * multiplier)
        changed = torch.add(base.layer.weight, self.difference(), alpha=self.scale * multiplier)
        return self.form.apply(x, changed, base.bias)

    def builds(self, x: Tensor) -> bool:  # noqa: ARG002 - most ask for the shape of x
        """Whether adding ΔW to the weight costs less than going beside it; chosen by shapes alone."""
        return False

    def merged(self, weight: Tensor, multiplier: float) -> Tensor:
        """W + multiplier · scale · ΔW, in float32."""
        return weight.float() + (multiplier * self.scale) * self.difference().float().view(weight.shape)
