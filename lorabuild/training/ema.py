"""A moving average of the weights: what is saved and drawn with is calmer than what is trained (Polyak & Juditsky)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from lorabuild.schema.run import EMA


class Average:
    """The average of some parameters, step by step.

    The decay of step n (from 0) is at most (1 + n) / (10 + n), so that the start, where a LoRA does nothing, is soon
    forgotten.
    """

    def __init__(self, settings: EMA, parameters: Sequence[Tensor]) -> None:
        """It begins as the parameters are."""
        self.decay = settings.decay
        self.parameters = list(parameters)
        self.values = [parameter.detach().clone() for parameter in self.parameters]

    def update(self, step: int) -> None:
        """Step ``step`` (from 0) is done."""
        decay = min(self.decay, (1 + step) / (10 + step))
        follow: Any = get_ema_multi_avg_fn  # torch gives it no types
        with torch.no_grad():
            follow(decay)(self.values, self.parameters, None)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Inside, the parameters are the average; afterwards they are as before, bit by bit."""
        before = [parameter.detach().clone() for parameter in self.parameters]
        self._put(self.values)
        try:
            yield
        finally:
            self._put(before)

    def state(self) -> dict[str, Tensor]:
        """Number of a parameter → its average."""
        return {str(number): value for number, value in enumerate(self.values)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over ``state()``."""
        for number, value in enumerate(self.values):
            value.copy_(state[str(number)])

    def _put(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)
