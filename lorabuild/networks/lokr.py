"""LoKr: ΔW = w1 ⊗ w2, a small and a larger matrix, of which the larger may be a product (Yeh et al. 2023, LyCORIS).

The large weight is never built: x [c·d] seen as [c, d] goes through w2 along d and through w1 along c.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from lorabuild.networks.layer import BUILDING, Additive, Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.schema.network import LoKr

CONVOLUTIONS = True
MARKS = ("lokr_w1", "lokr_w1_a")
READS = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "alpha")
FIRST, SECOND = "lokr_w1", "lokr_w2"


def make(name: str, layer: nn.Module, settings: LoKr, seed: int) -> Kronecker:  # noqa: ARG001 - every make takes a name
    """The adapter of one layer; the last matrix of w2 starts at zero, the others uniform (kaiming, a=√5)."""
    form, dim = Form.of(layer), settings.dim
    (a, b), (c, d) = parted(form.size[0], settings.factor), parted(form.size[1], settings.factor)
    shapes = _shapes(FIRST, (a, c), (), dim, product=settings.decompose_both and dim < max(a, c) / 2)
    shapes |= _shapes(SECOND, (b, d), form.size[2:], dim, product=dim < max(b, d) / 2)
    made = Kronecker(form, shapes, settings.alpha)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for word, parameter in made.named_parameters():
            if not made.is_up(word):
                drawn = torch.rand(parameter.shape, generator=generator) * 2 - 1
                parameter.copy_(drawn / math.sqrt(parameter[0].numel()))
    return made


def read(layer: nn.Module, state: Mapping[str, Tensor]) -> Kronecker:
    """The adapter of one layer in a file; without an alpha the strength is 1."""
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if name != "alpha"}
    made = Kronecker(Form.of(layer), shapes, 1.0)
    made.take({"alpha": torch.tensor(float(made.rank or 1)), **state})
    return made


def parted(channels: int, factor: int) -> tuple[int, int]:
    """Channels as a product, the smaller first: the largest divisor up to ``factor`` and the root."""
    most = min(math.isqrt(channels), factor if factor > 0 else channels)
    small = next(number for number in range(most, 0, -1) if channels % number == 0)
    return small, channels // small


def _shapes(
    name: str, sides: tuple[int, int], kernel: tuple[int, ...], dim: int, *, product: bool
) -> dict[str, tuple[int, ...]]:
    """The tensors of w1 or w2: one, or a product whose second has the kernel in its inputs."""
    outputs, inputs = sides
    if product:
        return {f"{name}_a": (outputs, dim), f"{name}_b": (dim, inputs * math.prod(kernel))}
    return {name: (outputs, inputs, *kernel)}


class Kronecker(Additive):
    """``lokr_w1`` [a, c] and ``lokr_w2`` [b, d, …] with o = a·b and i = c·d, either as ``_a`` · ``_b``; ``alpha``.

    Attributes:
        rank: of the products; 0 where both matrices are whole, and the strength is 1.
    """

    def __init__(self, form: Form, shapes: Mapping[str, tuple[int, ...]], alpha: float) -> None:
        super().__init__(form)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        rank = [shapes[f"{name}_b"][0] for name in (SECOND, FIRST) if f"{name}_b" in shapes]
        self.rank = rank[0] if rank else 0
        self.alpha = float(alpha if rank else 1)
        self.UP = tuple(name for name in (SECOND, f"{SECOND}_b") if name in shapes)

    @property
    def scale(self) -> float:
        """The strength of the difference, alpha / dim."""
        return self.alpha / (self.rank or 1)

    def builds(self, x: Tensor) -> bool:
        """On narrow layers; small products beside it cost three times what their multiplications say (measured)."""
        own = dict(self.named_parameters())
        (a, c), (outputs, inputs) = self._sides(), self.form.flat
        if SECOND in own:
            beside = c * own[SECOND].numel() + a * c * (outputs // a)
        else:
            beside = self.rank * (inputs + a * c + outputs)
        rows = self.form.rows(x)
        return 9 * rows * beside > outputs * inputs * (rows + BUILDING)

    def _sides(self) -> tuple[int, int]:
        """The shape of w1."""
        own = dict(self.named_parameters())
        if FIRST in own:
            return len(own[FIRST]), own[FIRST].shape[1]
        return len(own[f"{FIRST}_a"]), own[f"{FIRST}_b"].shape[1]

    def through(self, x: Tensor, strength: float) -> Tensor:
        """Strength · (w1 ⊗ w2) x."""
        first = (self._whole(FIRST) * strength).to(x.dtype)
        out = self._rows(x, first) if self.form.linear else self._pictures(x, first)
        return self.chance.thin(out, self.form.axis)

    def _rows(self, x: Tensor, first: Tensor) -> Tensor:
        """X [..., c·d]: along d to the narrow middle, along c, on to the outputs."""
        parts = self._parts(x)
        inner = x.reshape(-1, first.shape[1], x.shape[-1] // first.shape[1])
        inner = nn.functional.linear(inner, parts[0])
        inner = nn.functional.linear(inner.transpose(1, 2), first).transpose(1, 2)
        out = nn.functional.linear(inner, parts[1]) if len(parts) > 1 else inner
        return out.reshape(*x.shape[:-1], self.form.size[0])

    def _pictures(self, x: Tensor, first: Tensor) -> Tensor:
        """X [B, c·d, H, W]: every one of the c groups through w2's kernel, then along c."""
        parts = self._parts(x)
        inner = self.form.apply(x.reshape(len(x) * first.shape[1], -1, *x.shape[2:]), parts[0])
        shape = inner.shape[1:]
        inner = (first @ inner.reshape(len(x), first.shape[1], -1)).view(-1, *shape)
        out = nn.functional.conv2d(inner, parts[1][:, :, None, None]) if len(parts) > 1 else inner
        return out.reshape(len(x), self.form.size[0], *shape[1:])

    def _parts(self, x: Tensor) -> list[Tensor]:
        """What x goes through of w2: its kernel, and the matrix behind it where w2 is a product."""
        own = dict(self.named_parameters())
        if SECOND in own:
            return [own[SECOND].to(x.dtype)]
        second = own[f"{SECOND}_b"]
        return [second.view(self.rank, -1, *self.form.size[2:]).to(x.dtype), own[f"{SECOND}_a"].to(x.dtype)]

    def _whole(self, name: str) -> Tensor:
        """w1, or w2 without its kernel's shape."""
        own = dict(self.named_parameters())
        return own[name] if name in own else own[f"{name}_a"] @ own[f"{name}_b"]

    def difference(self) -> Tensor:
        """w1 ⊗ w2."""
        first, second = self._whole(FIRST), self._whole(SECOND)
        kernel = self.form.size[2:]
        second = second.reshape(len(second), -1, *kernel)
        return torch.kron(first.view(*first.shape, *(1 for _ in kernel)), second)

    def norm(self) -> Tensor:
        """‖w1‖ · ‖w2‖."""
        long: Tensor = self._whole(FIRST).norm() * self._whole(SECOND).norm()
        return long * abs(self.scale)

    def state(self) -> dict[str, Tensor]:
        """LyCORIS's tensors."""
        return {"alpha": torch.tensor(self.alpha), **dict(self.named_parameters())}

    def take(self, state: Mapping[str, Tensor]) -> None:
        """Alpha comes from the file, where it means something."""
        super().take(state)
        if self.rank and "alpha" in state:
            self.alpha = float(state["alpha"])
