"""Fewer ranks: each difference is replaced by its best approximation of a lower rank (SVD, Eckart & Young 1936)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.networks import spectrum, stored, strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from lorabuild.networks.spectrum import Limits
    from lorabuild.networks.stored import Layer


FULL = 1 - 1e-5
"""A share above this is all of it, rounded."""


def resized(state: Mapping[str, Tensor], limits: Limits) -> dict[str, Tensor]:
    """The file with as many ranks as the limits let stay; LoHa, LoKr and whole differences become LoRA.

    A layer that is no wider than that stays as it is, byte by byte. The lengths of a DoRA stay.
    Raises ``ProjectError`` for layers that have no rank.
    """
    found = stored.layers(state)
    points = stored.points(found)
    made = {
        name: layer if stored.kind(layer) in stored.ASIDE else _smaller(name, layer, limits, point=name in points)
        for name, layer in found.items()
    }
    return stored.state_of(made)


def _smaller(name: str, layer: Layer, limits: Limits, *, point: bool) -> Layer:
    """One layer as a LoRA within the limits, at the alpha that it had; ``point``: it is a 1×1 convolution."""
    kind = stored.kind(layer)
    if kind not in stored.ADDITIVE or "diff_b" in layer:
        said = "a bias" if "diff_b" in layer else f"an unknown form ({', '.join(sorted(layer))})"
        what = "can't be resized: it has " + (f"no ranks, as {stored.NAMES[kind]}" if kind in stored.NAMES else said)
        raise ProjectError(what, where=name, next_step="keep the file as it is")
    both, factor = stored.product(layer), stored.strength(layer)
    if both is None:
        found = spectrum.of_matrix(stored.difference(layer)).shown()
    else:
        found = spectrum.of_product(both[0] * factor, both[1])
    kept = limits.kept(found.values, kernel=stored.is_kernel(name, layer))
    if both and kept >= len(both[1]):
        return layer
    alpha = float(layer[stored.ALPHA]) if stored.ALPHA in layer else None if both else 1.0
    beside = {word: layer[word] for word in (stored.DORA,) if word in layer}
    kernel = stored.kernel(name, layer) or ((1, 1) if point else ())
    made = low_rank(*found.halves(kept), kernel, dtype_of(layer), alpha) | beside
    if alpha is None:  # as in the other layers of such a file: diffusers loses alphas that differ
        made.pop(stored.ALPHA)
    return made


class Kept(NamedTuple):
    """How much of the squared norms is left: of all layers together, and of the one that lost most."""

    share: float
    least: float
    layer: str


def kept(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Kept:
    """What is left of a file's differences in another that was made of it."""
    made = stored.layers(after)
    found = {name: one for name, one in stored.layers(before).items() if stored.kind(one) in stored.ADDITIVE}
    return left((name, stored.norm(layer), _apart(layer, made[name])) for name, layer in found.items())


def left(rows: Iterable[tuple[str, float, float]]) -> Kept:
    """The same of the name of every layer, the norm of its difference, and the norm of what is missing of that."""
    held = [(1 - (missing / norm) ** 2, name, norm**2) for name, norm, missing in rows if norm]
    least, layer, _ = min(held, default=(1.0, "", 0.0))
    share = sum(share * size for share, _, size in held) / (sum(size for _, _, size in held) or 1)
    return Kept(share, least, layer) if least < FULL else Kept(1.0, 1.0, "")


def _apart(one: Layer, other: Layer) -> float:
    """Norm of what two layers differ by; of two products without making either whole."""
    first, second = stored.product(one), stored.product(other)
    if not (first and second):
        return float((stored.difference(one) - stored.difference(other)).norm())
    up = torch.cat([first[0] * stored.strength(one), second[0] * -stored.strength(other)], 1)
    return stored.norm_of(up, torch.cat([first[1], second[1]]))


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
