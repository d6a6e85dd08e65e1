"""What a tuned checkpoint learned, as a LoRA: the difference of every weight to the base's, within some ranks (SVD)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.networks import resize, spectrum, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from lorabuild.networks.spectrum import Limits


def extracted(
    base: Mapping[str, nn.Module], tuned: Mapping[str, nn.Module], limits: Limits, dtype: torch.dtype = torch.float16
) -> Iterator[tuple[str, Tensor]]:
    """Kohya name → tensor of every layer that differs, by the layers (kohya name → Linear or Conv2d) of two models.

    Raises ``ProjectError`` where they are not alike.
    """
    if set(base) != set(tuned):
        raise ProjectError(
            f"the two models have different layers ({len(set(base) ^ set(tuned))} are in one of them only)",
            next_step="both must be of one family",
        )
    for name, layer in base.items():
        before, after = _weight(layer), _weight(tuned[name])
        if before.shape != after.shape:
            raise ProjectError(f"{name} is {list(before.shape)} in one model and {list(after.shape)} in the other")
        change = after.double() - before.double()
        if not change.any():
            continue
        kernel = tuple(change.shape[2:])
        found = spectrum.of_matrix(change.flatten(1)).shown()
        kept = limits.kept(found.values, kernel=max(kernel, default=1) > 1)
        made = resize.low_rank(*found.halves(kept), kernel, dtype, _alpha(limits, kernel))
        yield from stored.state_of({name: made}).items()


def _alpha(limits: Limits, kernel: tuple[int, ...]) -> float:
    """One for all linear layers and one for all kernels, whatever ranks they keep: see ``strength.even``."""
    return float((limits.conv_dim if max(kernel, default=1) > 1 else None) or limits.dim or 1)


def _weight(layer: nn.Module) -> Tensor:
    held: Any = layer.weight
    weight: Tensor = held.detach()
    return weight
