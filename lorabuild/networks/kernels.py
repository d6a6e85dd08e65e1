"""A frozen convolution with a low-rank difference as one operation, where its pictures are larger than its kernel.

The changed kernel ``W + s · up · down`` is built; what it saves is the way of the outputs, and of their gradients to x,
through the narrow middle. The gradients of up and down still go through it, so that the one of W is never taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from lorabuild.networks.layer import Form

ROWS = 32.0
"""It pays from this many times ``o·i·k² / (o + i·k²)`` pixels on (measured)."""


def low_rank_kernel(
    x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float, form: Form
) -> Tensor:
    """From x [B, i, H, W] to [B, o, H', W'] through a frozen kernel [o, i, k, k] and s · up [o, r, 1, 1] · down."""
    kernel: Any = _Kernel
    out: Tensor = kernel.apply(x, weight, bias, down, up, scale, (form.stride, form.padding, form.dilation))
    return out


class _Kernel(Function):
    """x through the changed kernel; saves x and that kernel."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float, steps: Any
    ) -> Tensor:
        changed = torch.addmm(weight.flatten(1), up.flatten(1), down.flatten(1), alpha=scale).view(weight.shape)
        ctx.save_for_backward(x, changed, down, up)
        ctx.scale, ctx.steps = scale, steps
        return functional.conv2d(x, changed, bias, *steps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, changed, down, up = ctx.saved_tensors
        gradient = gradient.contiguous()
        rows = gradient.flatten(2)
        inner = functional.conv2d(x, down, None, *ctx.steps).flatten(2)
        to_up = torch.bmm(rows, inner.transpose(1, 2)).sum(0).mul_(ctx.scale).view(up.shape)
        narrow = torch.bmm(up.flatten(1).t().expand(len(x), -1, -1), rows).mul_(ctx.scale)
        narrow = narrow.view(len(x), -1, *gradient.shape[2:])
        to_down = _backward(narrow, x, down, ctx.steps, of_weight=True)
        to_x = _backward(gradient, x, changed, ctx.steps, of_weight=False) if ctx.needs_input_grad[0] else None
        return to_x, None, None, to_down, to_up, None, None


def _backward(gradient: Tensor, x: Tensor, weight: Tensor, steps: Any, *, of_weight: bool) -> Tensor:
    """Of a convolution: its gradient to the weight, or to x."""
    wanted = [not of_weight, of_weight, False]
    both = torch.ops.aten.convolution_backward(gradient, x, weight, None, *steps, False, [0, 0], 1, wanted)
    found: Tensor = both[of_weight]
    return found
