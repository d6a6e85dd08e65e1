"""A batch as tensors: everything about it that isn't the model's work, made on the CPU and sent to the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Prepared:
    """The tensors of one batch.

    Attributes:
        clean: latents ``[B, C, h, w]``.
        noise: what is added to them, and what the target is made of.
        extra: noise on top that only the model's input has, or None.
        times: timesteps ``[B]``.
        weights: weight of each sample's loss ``[B]``.
        thresholds: of losses that have one, ``[B]``.
        mask: weight of each element's loss ``[B, 1, h, w]``, or None.
        told: ``sizes`` ``[B, 6]``, and what text encoders answer, or ``tokens`` for them.
        seeds: of the adapter's own randomness, one a row.
    """

    clean: Tensor
    noise: Tensor
    extra: Tensor | None
    times: Tensor
    weights: Tensor
    thresholds: Tensor | None
    mask: Tensor | None
    told: Mapping[str, Tensor]
    seeds: tuple[int, ...]

    def pinned(self) -> Prepared:
        """The same in page-locked memory, from which a GPU fetches while it computes."""
        return self._each(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Prepared:
        """The same on a device; from pinned memory without waiting."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=device.type == "cuda"))

    def _each(self, do: Callable[[Tensor], Tensor]) -> Prepared:
        def perhaps(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else do(tensor)

        return Prepared(
            clean=do(self.clean),
            noise=do(self.noise),
            extra=perhaps(self.extra),
            times=do(self.times),
            weights=do(self.weights),
            thresholds=perhaps(self.thresholds),
            mask=perhaps(self.mask),
            told={name: do(tensor) for name, tensor in self.told.items()},
            seeds=self.seeds,
        )
