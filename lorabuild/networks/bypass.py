"""A frozen layer with a low-rank difference as one operation, forward and backward, in its fastest exact form.

*Beside*: ``x Wᵀ + s (x downᵀ) upᵀ``, each sum written into the product before it. *Inside*: ``x (W + s · up down)ᵀ``,
where there are so many rows that building the weight costs less than passing over them twice more. Both give the same
gradients: those of up and down go through the narrow middle, and that of W is taken only where W is as narrow itself.
3x3 kernels are in ``kernels.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 1.0
"""Inside is chosen from this many times ``o·i / (o + i)`` rows on."""


def low_rank_linear(x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """From x [..., i] to [..., o] through a frozen weight [o, i] and s · up [o, r] · down [r, i]."""
    outputs, inputs = weight.shape
    form: Any = _Inside if down.requires_grad and inside(x.numel() // inputs, outputs, inputs) else _Beside
    out: Tensor = form.apply(x, weight, bias, down, up, scale)
    return out


def low_rank_point(x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """From x [B, i, H, W] to [B, o, H, W] through a frozen 1x1 kernel [o, i, 1, 1] and s · up · down."""
    form: Any = _Points
    out: Tensor = form.apply(x, weight, bias, down, up, scale)
    return out


def inside(rows: int, outputs: int, inputs: int, times: float | None = None) -> bool:
    """Whether there are ``times`` as many rows as building a changed weight [o, i] costs."""
    return rows * (outputs + inputs) >= (ROWS if times is None else times) * outputs * inputs


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x @ weight.t() if bias is None else torch.addmm(bias, x, weight.t())


class _Beside(Function):
    """x [..., i] beside its weight; saves x, unless ``down`` is frozen, and the narrow middle."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        shape, x = x.shape, x.reshape(-1, x.shape[-1])
        inner = x @ down.t()
        ctx.save_for_backward(x if down.requires_grad else None, inner, weight, down, up)
        ctx.scale, ctx.shape = scale, shape
        return _product(x, weight, bias).addmm_(inner, up.t(), alpha=scale).view(*shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, weight, down, up = ctx.saved_tensors
        gradient = gradient.reshape(-1, gradient.shape[-1])
        narrow = (gradient @ up).mul_(ctx.scale)
        to_up = (gradient.t() @ inner).mul_(ctx.scale) if ctx.needs_input_grad[4] else None
        to_down = narrow.t() @ x if ctx.needs_input_grad[3] else None
        to_x = (gradient @ weight).addmm_(narrow, down).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return to_x, None, None, to_down, to_up, None


class _Inside(Function):
    """x [..., i] through the changed weight; saves x and that weight."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        shape, x = x.shape, x.reshape(-1, x.shape[-1])
        changed = torch.addmm(weight, up, down, alpha=scale)
        ctx.save_for_backward(x, changed, down, up)
        ctx.scale, ctx.shape = scale, shape
        return _product(x, changed, bias).view(*shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, changed, down, up = ctx.saved_tensors
        outputs, inputs = changed.shape
        gradient = gradient.reshape(-1, outputs)
        if outputs * inputs <= 2 * len(down) * (outputs + inputs):
            whole = (gradient.t() @ x).mul_(ctx.scale)
            to_down, to_up = up.t() @ whole, whole @ down.t()
        else:
            to_down = ((gradient @ up).t() @ x).mul_(ctx.scale)
            to_up = ((x @ down.t()).t() @ gradient).t().mul_(ctx.scale)
        to_x = (gradient @ changed).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return to_x, None, None, to_down, to_up, None


class _Points(Function):
    """x [B, i, H, W] through the changed weight; saves x and that weight."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        shape, x, down, up = x.shape, x.flatten(2), down.flatten(1), up.flatten(1)
        changed = torch.addmm(weight.flatten(1), up, down, alpha=scale)
        ctx.save_for_backward(x, changed, down, up)
        ctx.scale, ctx.shape = scale, shape
        out = _each(changed, x)
        return (out if bias is None else out.add_(bias[:, None])).view(len(x), -1, *shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, changed, down, up = ctx.saved_tensors
        gradient = gradient.flatten(2)
        narrow = _each(up.t(), gradient).transpose(1, 2)
        inner = _each(down, x).transpose(1, 2)
        to_up = torch.bmm(gradient, inner).sum(0).mul_(ctx.scale)[:, :, None, None]
        to_down = torch.bmm(x, narrow).sum(0).t().mul_(ctx.scale)[:, :, None, None]
        to_x = _each(changed.t(), gradient).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return to_x, None, None, to_down, to_up, None


def _each(weight: Tensor, x: Tensor) -> Tensor:
    """One matrix [o, i] on every picture of x [B, i, n]."""
    return torch.bmm(weight.expand(len(x), -1, -1), x)
