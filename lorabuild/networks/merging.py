"""Several files as one, each at its weight: the sum of their differences, exactly.

Low-rank products stand beside each other in one of the sum of their ranks; whole differences, norms, biases and factors
are added. Fewer ranks are a matter of ``resize``, of the sum.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.networks import resize, spectrum, stored, strength
from lorabuild.schema.blocks import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lorabuild.networks.stored import Layer


class Share(NamedTuple):
    """A layer of one of the files, and the file's weight."""

    layer: Layer
    weight: float


def merged(files: Sequence[tuple[Mapping[str, Tensor], float]]) -> dict[str, Tensor]:
    """The sum of files at their weights, in the widest type among them; LoHa and LoKr that meet others become LoRA.

    Raises ``ProjectError`` for files of different base models, and for layers whose effects can't be added: DoRA, OFT,
    and factors beside differences.
    """
    parted = [(stored.layers(state), weight) for state, weight in files]
    sizes = {size_of(found) for found, _ in parted if any(name.startswith("lora_unet_") for name in found)}
    if len(sizes) > 1:
        what = "these files are for base models of different families: their blocks are not the same"
        raise ProjectError(what, next_step="merge files for one family")
    points = stored.points({name: layer for found, _ in parted for name, layer in found.items()})
    made = {}
    for name in dict.fromkeys(name for found, _ in parted for name in found):
        shares = [Share(found[name], weight) for found, weight in parted if name in found and weight]
        if shares:
            made[name] = _sum(name, shares, point=name in points)
    if not made:
        raise ProjectError("every file has the weight 0: nothing is left", next_step="give one of them another weight")
    return stored.state_of(strength.even(made))


def _sum(name: str, shares: Sequence[Share], *, point: bool) -> Layer:
    """One layer of all files that have it; ``point``: it is a 1×1 convolution."""
    if len(shares) == 1:
        return strength.scaled(name, *shares[0])
    if stray := next((one.layer for one in shares if _apart(one.layer)), None):
        raise strength.refusal(name, stray)
    kinds = {stored.kind(one.layer) for one in shares}
    if len(kinds) == 1 and kinds <= set(stored.SIMPLE):
        return _added(name, shares)
    if not kinds <= stored.ADDITIVE or any("diff_b" in one.layer for one in shares):
        said = " and ".join(sorted(stored.NAMES.get(kind, kind) for kind in kinds))
        raise ProjectError(f"{said} can't be added to each other", where=name, next_step="write both into the prompt")
    return _beside(name, shares, point=point)


def _apart(layer: Layer) -> bool:
    """Whether what a layer does depends on the weight below in a way that no sum has."""
    return stored.DORA in layer or stored.kind(layer) in {*strength.TURNS, "unknown"}


def _added(name: str, shares: Sequence[Share]) -> Layer:
    """Tensors that are proportional to the effect, added one by one."""
    sides = {bool(one.layer["on_input"]) for one in shares if "on_input" in one.layer}
    if len(sides) > 1:
        raise ProjectError("one file scales the layer's inputs, another its outputs: that is no sum", where=name)
    made: Layer = {}
    for layer, weight in shares:
        for word in stored.SIMPLE[stored.kind(layer)]:
            if word in layer:
                added = layer[word].double() * weight
                made[word] = _same(name, made[word], added) + added if word in made else added
    beside = {"on_input": shares[0].layer["on_input"]} if sides else {}
    return {word: tensor.to(_widest(shares)) for word, tensor in made.items()} | beside


def _beside(name: str, shares: Sequence[Share], *, point: bool) -> Layer:
    """Products in one; each of its two matrices has the root of every share's strength."""
    halves = [_halves(*one) for one in shares]
    for up, down in halves[1:]:
        _same(name, halves[0][0][:, :1] @ halves[0][1][:1], up[:, :1] @ down[:1])
    kernel = max((stored.kernel(name, one.layer) for one in shares), key=len) or ((1, 1) if point else ())
    up, down = torch.cat([up for up, _ in halves], 1), torch.cat([down for _, down in halves])
    return resize.low_rank(up, down, kernel, _widest(shares))


def _same(name: str, one: Tensor, other: Tensor) -> Tensor:
    if one.shape != other.shape:
        what = "the layer has other sizes in another file: they are for different base models"
        raise ProjectError(what, where=name, next_step="merge files that were made for one base")
    return one


def _halves(layer: Layer, weight: float) -> tuple[Tensor, Tensor]:
    """Up and down of a layer at its weight and strength; of what is no LoRA, the singular vectors of its difference."""
    both, factor = stored.product(layer), weight * stored.strength(layer)
    if both is None:
        found, factor = spectrum.of_matrix(stored.difference(layer)).shown(), weight
        both = found.halves(len(found.values))
    root = abs(factor) ** 0.5
    return both[0] * (root if factor > 0 else -root), both[1] * root


def _widest(shares: Sequence[Share]) -> torch.dtype:
    return reduce(torch.promote_types, (resize.dtype_of(one.layer) for one in shares))
