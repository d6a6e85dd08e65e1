"""What the steps of a training change: adapter, optimizer, average and loss scale, saved and restored as one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.amp import GradScaler

from lorabuild.training import optimizers
from lorabuild.training.ema import Average
from lorabuild.training.memory import load_optimizer_state, optimizer_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor
    from torch.optim import Optimizer

    from lorabuild.networks.attach import Adapter
    from lorabuild.schema.training import Training


class Moving:
    """Adapter, optimizer, average (or None) and loss scale (or None) of one training.

    Attributes:
        parameters: everything that is trained, in the adapter's order.
    """

    def __init__(self, training: Training, adapter: Adapter, scaler: GradScaler | None = None) -> None:
        """As a training begins. Raises what ``optimizers.build`` raises."""
        self.adapter = adapter
        self.parameters = list(adapter.parameters())
        self.optimizer = optimizers.build(training, adapter)
        self.average = Average(training.ema, self.parameters) if training.ema else None
        self.scaler = scaler

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Inside, the adapter is what should be saved, validated and drawn with; afterwards it is bit by bit as before.

        Chance (dropout, DyLoRA's rank) is off inside.
        """
        with ExitStack() as stack:
            stack.enter_context(optimizers.resting(self.optimizer))
            if self.average:
                stack.enter_context(self.average.shown())
            self.adapter.rest()
            yield

    def step(self, number: int) -> None:
        """One optimizer step (from 0) with the gradients as they are; forgets them.

        Where scaled gradients overflowed, only the scale changes: neither weights, nor the optimizer, nor the average.
        """
        taken = _step(self.optimizer, self.scaler)
        self.optimizer.zero_grad(set_to_none=True)
        if self.average and taken:
            self.average.update(number)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors by path, and all else as JSON."""
        remembered, numbers = optimizer_state(self.optimizer)
        tensors = {f"adapter/{name}": tensor for name, tensor in self.adapter.state().items()}
        tensors |= {f"optimizer/{name}": tensor for name, tensor in remembered.items()}
        if self.average:
            tensors |= {f"average/{name}": tensor for name, tensor in self.average.state().items()}
        return tensors, {"optimizer": numbers, "scaler": self.scaler.state_dict() if self.scaler else None}

    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over ``state()`` of one made from the same settings."""
        self.adapter.load_state(below("adapter/", tensors))
        load_optimizer_state(self.optimizer, below("optimizer/", tensors), facts["optimizer"])
        if self.average:
            self.average.load(below("average/", tensors))
        if self.scaler and facts["scaler"]:
            self.scaler.load_state_dict(facts["scaler"])


def scaler(training: Training, device: torch.device) -> GradScaler | None:
    """Scaled losses for fp16, whose small gradients would vanish (Micikevicius et al. 2018); None elsewhere."""
    if training.precision != "fp16":
        return None
    made = GradScaler(device.type)
    made.scale(torch.zeros((), device=device))  # the scale is there also in a process that has no share of a batch
    return made


def _step(optimizer: Optimizer, scaler: GradScaler | None) -> bool:
    """One step; False where it was passed over, for then the scale is smaller than before."""
    if scaler is None:
        optimizer.step()
        return True
    before = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= before


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
