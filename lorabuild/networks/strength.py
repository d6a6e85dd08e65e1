"""A file's strength, of all of it or by block: a change that is exact, or refused.

What adds a difference to a weight is scaled by its alpha alone; factors and whole differences are scaled themselves.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.networks import stored
from lorabuild.networks.adapter import part_of
from lorabuild.schema.blocks import block_of, expanded, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.stored import Layer

TURNS = {"oft": "a rotation that is only half made is none any more", "glora": "part of it multiplies the weight"}
LENGTHS = "their lengths belong to the base's weights, which the file doesn't hold"
FIRST = ("lora_up.weight", "hada_w1_a", "lokr_w1", "lokr_w1_a")
"""The factor of a product that takes its sign: no client expects a negative alpha."""


def rebased(state: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """The file that gives at weight 1 what this one gives at ``factor``. Raises ``ProjectError`` for DoRA and OFT."""
    return stored.state_of({name: scaled(name, layer, factor) for name, layer in stored.layers(state).items()})


def reweighted(state: Mapping[str, Tensor], written: Mapping[str, float]) -> dict[str, Tensor]:
    """Every block at its own strength; blocks at 0 are left out of the file.

    Args:
        state: the file.
        written: names of blocks, ranges, presets and curves → factor, as in ``network.blocks``.

    Raises:
        ProjectError: a name that this file's U-Net has not, nothing is left, or a DoRA or OFT layer at a part of it.
    """
    found = stored.layers(state)
    try:
        factors = expanded(written, size_of(found))
    except ValueError as error:
        raise ProjectError(str(error.args[0]), where="blocks", next_step=str(error.args[-1])) from error
    each = {name: factors.get(block_of(name) or "", 1.0) for name in found}
    left = {name: scaled(name, layer, each[name]) for name, layer in found.items() if each[name] != 0}
    if not left:
        what = "every block of the file is at 0: nothing is left"
        raise ProjectError(what, where="blocks", next_step="leave a block at 1, or at less")
    return stored.state_of(even(left))


def even(found: Mapping[str, Layer]) -> dict[str, Layer]:
    """One alpha for all linear layers of a part, and one for its kernels: the commonest; the others go into ``up``.

    diffusers 0.42 loses the alphas of attention layers that differ from most.
    """
    groups: dict[tuple[str, bool], dict[str, float]] = {}
    for name, layer in found.items():
        if stored.kind(layer) == "lora":
            group = groups.setdefault((part_of(name), stored.is_kernel(name, layer)), {})
            group[name] = stored.strength(layer) * len(layer["lora_down.weight"])
    made = dict(found)
    for group in groups.values():
        usual = Counter(group.values()).most_common(1)[0][0]
        for name in (name for name, held in group.items() if usual and held != usual):
            layer, up = found[name], found[name]["lora_up.weight"]
            moved = (up.double() * (group[name] / usual)).to(up.dtype)
            made[name] = layer | {stored.ALPHA: alpha(usual, _type(layer)), "lora_up.weight": moved}
    return made


def scaled(name: str, layer: Layer, factor: float) -> Layer:
    """One layer at this strength, each tensor in its own type; an alpha is float32 where the type can't hold it."""
    if factor == 1:
        return layer
    kind = stored.kind(layer)
    if stored.DORA in layer or kind in TURNS or kind == "unknown":
        raise refusal(name, layer)
    if kind in stored.SIMPLE:
        return {word: tensor * factor if word in stored.SIMPLE[kind] else tensor for word, tensor in layer.items()}
    dim = stored.rank(layer)
    if dim is None:  # a Kronecker product of two whole matrices: no alpha has a meaning there
        return {word: tensor * factor if word == "lokr_w1" else tensor for word, tensor in layer.items()}
    if factor < 0:
        layer, factor = {word: -tensor if word in FIRST else tensor for word, tensor in layer.items()}, -factor
    return layer | {stored.ALPHA: alpha(float(layer.get(stored.ALPHA, dim)) * factor, _type(layer))}


def alpha(value: float, dtype: torch.dtype) -> Tensor:
    """An alpha as a tensor: in this type where it holds the value exactly, else float32."""
    small = torch.tensor(value, dtype=dtype)
    return small if float(small) == value else torch.tensor(value)


def refusal(name: str, layer: Layer) -> ProjectError:
    """Why a layer can't be at a part of its strength, nor be added to another."""
    kind = stored.kind(layer)
    if kind == "unknown":
        return ProjectError(f"it has {', '.join(sorted(layer))}: that form isn't known here", where=name)
    said, why = ("DoRA", LENGTHS) if stored.DORA in layer else (stored.NAMES.get(kind, kind), TURNS[kind])
    what = f"{said} layers have no half, and can't be added to others: {why}"
    return ProjectError(what, where=name, next_step="weigh it in the prompt; `reweight` can leave blocks out (0)")


def _type(layer: Layer) -> torch.dtype:
    return layer[stored.ALPHA].dtype if stored.ALPHA in layer else next(iter(layer.values())).dtype
