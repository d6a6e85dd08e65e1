"""Fewer ranks: each difference is replaced by its best approximation of a lower rank (SVD, Eckart & Young 1936)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.networks import spectrum, stored, strength

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import Tensor

    from lorabuild.networks.spectrum import Limits
    from lorabuild.networks.stored import Layer


def resized(state: Mapping[str, Tensor], limits: Limits) -> dict[str, Tensor]:
    """The file with as many ranks as the limits let stay; LoHa, LoKr and whole differences become LoRA.

    A layer that is no wider than that stays as it is, byte by byte. The lengths of a DoRA stay.
    Raises ``ProjectError`` for layers that have no rank.
    """
    found = stored.layers(state)
    made = {
        name: layer if stored.kind(layer) in stored.ASIDE else smaller(name, layer, limits)
        for name, layer in found.items()
    }
    return stored.state_of(made)


def smaller(name: str, layer: Layer, limits: Limits) -> Layer:
    """One layer as a LoRA within the limits, at the alpha that it had."""
    if stored.kind(layer) not in stored.ADDITIVE or "diff_b" in layer:
        raise strength.refusal(name, layer, "can't be resized")
    both, factor = stored.product(layer), stored.strength(layer)
    if both is None:
        found = spectrum.of_matrix(stored.difference(layer)).shown()
    else:
        found = spectrum.of_product(both[0] * factor, both[1])
    kept = limits.kept(found.values, kernel=stored.is_kernel(name, layer))
    if both and kept >= len(both[1]):
        return layer
    alpha = float(layer[stored.ALPHA]) if stored.ALPHA in layer else None
    beside = {word: layer[word] for word in (stored.DORA,) if word in layer}
    return low_rank(*found.halves(kept), stored.kernel(name, layer), dtype_of(layer), alpha) | beside


def low_rank(
    up: Tensor, down: Tensor, kernel: tuple[int, ...], dtype: torch.dtype, alpha: float | None = None
) -> Layer:
    """Kohya's three tensors of a difference up [o, r] · down [r, n]; the rank is its alpha where none is given."""
    dim = len(down)
    alpha = alpha if alpha and alpha > 0 else float(dim)
    root = (dim / alpha) ** 0.5
    pixel = (1, 1) if kernel else ()
    return {
        "alpha": strength.alpha(alpha, dtype),
        "lora_down.weight": (down * root).reshape(dim, -1, *kernel).to(dtype).contiguous(),
        "lora_up.weight": (up * root).reshape(-1, dim, *pixel).to(dtype).contiguous(),
    }


def dtype_of(layer: Layer) -> torch.dtype:
    """The type that a layer's weights have."""
    return next(tensor.dtype for word, tensor in layer.items() if word not in stored.SCALED and tensor.dim())
