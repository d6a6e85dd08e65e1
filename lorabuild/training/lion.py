"""Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable


class Lion(Optimizer):
    """θ ← θ - lr (sign(β₁ m + (1 - β₁) g) + λ θ), then m ← β₂ m + (1 - β₂) g.

    Args:
        params: groups.
        lr: step size; every weight moves by it, whatever its gradient.
        betas: β₁ and β₂.
        weight_decay: λ, decoupled.
    """

    def __init__(
        self, params: Any, lr: float, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step over all parameters that have a gradient; a closure is not called."""
        assert closure is None
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not moved:
                continue
            for parameter in moved:
                if not self.state[parameter]:
                    self.state[parameter]["exp_avg"] = torch.zeros_like(parameter)
            gradients = [parameter.grad for parameter in moved]
            momenta = [self.state[parameter]["exp_avg"] for parameter in moved]
            first, second = group["betas"]
            update = torch._foreach_lerp(gradients, momenta, first)  # noqa: SLF001 – as torch.optim does
            torch._foreach_sign_(update)
            torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(moved, update, alpha=-group["lr"])
            torch._foreach_lerp_(momenta, gradients, 1 - second)
