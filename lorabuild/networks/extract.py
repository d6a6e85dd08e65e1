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
        if layer.weight.shape != tuned[name].weight.shape:
            shapes = " and ".join(f"{list(one.shape)}" for one in (_weight(layer), _weight(tuned[name])))
            what = f"the two models are not of one kind: {name} is {shapes}"
            raise ProjectError(what, next_step="give the base that the other was tuned from")
        change = _change(layer, tuned[name])
        if not change.any():
            continue
        kernel = tuple(change.shape[2:])
        found = spectrum.of_matrix(change.flatten(1)).shown()
        kept = limits.kept(found.values, kernel=max(kernel, default=1) > 1)
        made = resize.low_rank(*found.halves(kept), kernel, dtype, _alpha(limits, kernel))
        yield from stored.state_of({name: made}).items()


def missing(
    base: Mapping[str, nn.Module], tuned: Mapping[str, nn.Module], made: Mapping[str, Tensor]
) -> Iterator[tuple[str, float, float]]:
    """Name, norm of the change, and norm of what a LoRA lacks of it, of every layer that it has."""
    for name, own in stored.layers(made).items():
        change = _change(base[name], tuned[name]).flatten(1)
        yield name, float(change.norm()), float((change - stored.difference(own)).norm())


def _change(before: nn.Module, after: nn.Module) -> Tensor:
    return _weight(after).double() - _weight(before).double()


def _alpha(limits: Limits, kernel: tuple[int, ...]) -> float:
    """One for all linear layers and one for all kernels, whatever ranks they keep: see ``strength.even``."""
    return float((limits.conv_dim if max(kernel, default=1) > 1 else None) or limits.dim or 1)


def _weight(layer: nn.Module) -> Tensor:
    held: Any = layer.weight
    weight: Tensor = held.detach()
    return weight
