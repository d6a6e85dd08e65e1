"""What a file is, told from its tensors: its type, ranks and strengths, and how large the change of each block is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lorabuild.networks import stored
from lorabuild.networks.adapter import part_of
from lorabuild.schema.blocks import block_of, ids, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lorabuild.networks.stored import Layer

VARIES = "Dynamic"
"""What the standard trainer's tools write for a rank that isn't the same in all layers."""

REST = "other"
"""Layers that are in no block."""


def inspected(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Type, precision, ranks with their layers, parts, and for each block its layers, ranks and norm."""
    found = stored.layers(state)
    blocks: dict[str, list[Layer]] = {}
    for name, layer in found.items():
        blocks.setdefault(block_of(name) or REST, []).append(layer)
    known = [block for block in (*ids(size_of(found)), REST) if block in blocks]
    return {
        "type": kind(found),
        "layers": len(found),
        "parts": dict(Counter(part_of(name) for name in found)),
        "precision": dict(Counter(str(tensor.dtype).removeprefix("torch.") for tensor in state.values())),
        "values": sum(tensor.numel() for tensor in state.values()),
        **ranks(state),
        "dims": dims(state),
        "blocks": [_block(block, blocks[block]) for block in known],
        "unknown": [name for name, layer in found.items() if stored.kind(layer) == "unknown"],
    }


def about(state: Mapping[str, Tensor]) -> dict[str, str]:
    """What the header says of a file: ``type`` and ``ranks``."""
    return {"type": kind(stored.layers(state)), **ranks(state)}


def kind(found: Mapping[str, Layer]) -> str:
    """``LoRA``, ``LoCon + DoRA``, ``LoHa and LoRA``: what its layers are."""
    names: dict[str, None] = {}
    for name, layer in found.items():
        if (one := stored.kind(layer)) == "lora":
            names.setdefault("LoCon" if stored.is_kernel(name, layer) else "LoRA")
        elif one not in stored.ASIDE:
            names.setdefault(stored.NAMES.get(one, one))
    if "LoCon" in names:
        names.pop("LoRA", None)
    dora = " + DoRA" if any(stored.DORA in layer for layer in found.values()) else ""
    return (" and ".join(names) or "norms and biases") + dora


def ranks(state: Mapping[str, Tensor]) -> dict[str, str]:
    """``dim``, ``alpha``, ``conv_dim``, ``conv_alpha`` of all layers in text; ``Dynamic`` where they differ.

    ``None`` where there is none.
    """
    each: dict[str, set[float]] = {"dim": set(), "alpha": set(), "conv_dim": set(), "conv_alpha": set()}
    for name, layer in stored.layers(state).items():
        dim = stored.rank(layer)
        if dim is not None:
            prefix = "conv_" if stored.is_kernel(name, layer) else ""
            each[f"{prefix}dim"].add(dim)
            each[f"{prefix}alpha"].add(float(layer[stored.ALPHA]) if stored.ALPHA in layer else float(dim))
    return {word: _one(numbers) for word, numbers in each.items()}


def _one(numbers: set[float]) -> str:
    if len(numbers) != 1:
        return VARIES if numbers else "None"
    (number,) = numbers
    return str(number) if isinstance(number, int) else str(_plain(number))


def _plain(alpha: float) -> float:
    """A float32 as it was written: 0.6, not 0.6000000238."""
    return float(f"{alpha:.7g}")


def dims(state: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Each rank and alpha that occur, with the number of layers that have them, most layers first."""
    counts = Counter((stored.rank(layer), _alpha(layer)) for layer in stored.layers(state).values())
    return [{"dim": dim, "alpha": alpha, "layers": count} for (dim, alpha), count in counts.most_common()]


def _alpha(layer: Layer) -> float | None:
    return _plain(float(layer[stored.ALPHA])) if stored.ALPHA in layer and stored.rank(layer) else None


def _block(name: str, found: list[Layer]) -> dict[str, Any]:
    """Norm: the root of the summed squares; mean: that of a layer."""
    norms = [stored.norm(layer) for layer in found]
    whole = sum(norm**2 for norm in norms) ** 0.5
    dims = sorted({dim for layer in found if (dim := stored.rank(layer))})
    mean = sum(norms) / len(norms)
    return {"block": name, "layers": len(found), "dims": dims, "norm": round(whole, 6), "mean": round(mean, 6)}
