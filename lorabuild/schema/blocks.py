"""Blocks of a U-Net in the notation that people use: which block a layer is in, and what a list or a name says of each.

A U-Net of 12 input and output blocks has 26 ids (BASE, IN00–IN11, M00, OUT00–OUT11), 17 of them with attention; one of
9 has 20, and 12. BASE is the text encoder.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from lorabuild.core.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

BASE, MIDDLE = "BASE", "M00"
LONG, SHORT = 12, 9
"""Input blocks of the two kinds of U-Net."""

PRESETS = {
    "NONE": "",
    "INS": "BASE IN01 IN02 IN04",
    "IND": "BASE IN05 IN07 IN08",
    "INALL": "BASE IN01 IN02 IN04 IN05 IN07 IN08",
    "MIDD": "BASE IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06",
    "OUTD": "BASE OUT03 OUT04 OUT05 OUT06",
    "OUTS": "BASE OUT07 OUT08 OUT09 OUT10 OUT11",
    "OUTALL": "BASE OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11",
}
"""Name → the blocks that keep their weight, of sd-webui-lora-block-weight; all others get 0."""

HALF = "ALL0.5"
"""The one preset between 0 and 1."""

MIDDLES = ("M", "M0", "MI", "MID", "MIDDLE")
"""What others call the block in the middle."""

CURVES = ("cosine", "sine", "linear", "reverse_linear", "zeros")
"""Of the standard trainer: the weights of the input blocks, and of the output blocks, along a curve."""

_PATHS: dict[str, Callable[..., str]] = {
    "down_blocks_(\\d+)_(?:attentions|resnets)_(\\d+)": lambda level, place: f"IN{3 * level + place + 1:02}",
    "down_blocks_(\\d+)_downsamplers_(\\d+)": lambda level, _: f"IN{3 * level + 3:02}",
    "mid_block_|middle_block_": lambda: MIDDLE,
    "up_blocks_(\\d+)_(?:attentions|resnets)_(\\d+)": lambda level, place: f"OUT{3 * level + place:02}",
    "up_blocks_(\\d+)_upsamplers_(\\d+)": lambda level, _: f"OUT{3 * level + 2:02}",
    "input_blocks_(\\d+)_": lambda place: f"IN{place:02}",
    "output_blocks_(\\d+)_": lambda place: f"OUT{place:02}",
}


def ids(size: int) -> tuple[str, ...]:
    """Every block of a U-Net of ``size`` input blocks, BASE first."""
    ins, outs = ([f"{side}{number:02}" for number in range(size)] for side in ("IN", "OUT"))
    return (BASE, *ins, MIDDLE, *outs)


def with_attention(size: int) -> tuple[str, ...]:
    """The blocks that linear layers are in: 17 of a long U-Net, 12 of a short one."""
    ins, outs = ((1, 2, 4, 5, 7, 8), range(3, 12)) if size == LONG else ((4, 5, 7, 8), range(6))
    return (BASE, *(f"IN{number:02}" for number in ins), MIDDLE, *(f"OUT{number:02}" for number in outs))


NOTATIONS = {len(found(size)): (size, found(size)) for size in (LONG, SHORT) for found in (ids, with_attention)}
"""Length of a list → input blocks of its U-Net, and the block of each value."""


def block_of(layer: str) -> str | None:
    """The block of a kohya layer name; None for what is in none, and then weighs 1."""
    if layer.startswith("lora_te"):
        return BASE
    path = layer.removeprefix("lora_unet_")
    for pattern, name in _PATHS.items():
        if found := re.match(pattern, path):
            return name(*map(int, found.groups()))
    return None


def size_of(layers: Iterable[str]) -> int:
    """Input blocks of the U-Net that has these layers: the short ones are named as in its original code."""
    return SHORT if any(re.match("lora_unet_(in|out)put_blocks_", layer) for layer in layers) else LONG


def named(value: Any) -> Any:
    """What a person may write for blocks, as names with a value: a list of 12, 17, 20 or 26 numbers, or words.

    ``[1, 0, …]`` and ``"1,0,…"`` become the names of that notation, and blocks that it leaves out get 0;
    ``"IN sine, OUT cosine"`` becomes 1 for each. Anything else is given back as it is.
    """
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        numbers = [_number(part) for part in parts]
        value = dict.fromkeys(parts, 1.0) if any(number is None for number in numbers) else numbers
    if not isinstance(value, list):
        return value
    if len(value) not in NOTATIONS:
        return {_wrong_length(len(value)): 0}
    size, places = NOTATIONS[len(value)]
    return dict.fromkeys(ids(size), 0) | dict(zip(places, value, strict=True))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


def _wrong_length(length: int) -> str:
    return f"a list of {length}"


def expanded(written: Mapping[str, float], size: int, *, curves: bool = True) -> dict[str, float]:
    """Block → value, of those that are spoken of; later names win.

    A name is a block, a range (``OUT03-OUT05``), ``IN``, ``OUT``, ``ALL``, a preset, or places and a curve
    (``IN sine+0.25``; a curve alone is meant for IN and OUT). The value multiplies a preset and a curve.
    Raises ``ValueError`` with what is wrong, and what to write, for a name that this U-Net has not.
    """
    found: dict[str, float] = {}
    for name, value in written.items():
        found |= {block: share * value for block, share in _meant(name, size, curves=curves).items()}
    return found


def _meant(name: str, size: int, *, curves: bool) -> dict[str, float]:
    """Block → share of one name."""
    known = ids(size)
    places, _, curve = name.rpartition(" ")
    if curves and curve.partition("+")[0] in CURVES:
        sides = [places.strip()] if places else ["IN", "OUT"]
        return {block: share for side in sides for block, share in _curve(_places(side, size), curve).items()}
    if curves and name in PRESETS:
        kept = PRESETS[name].split()
        return {block: float(block in kept) for block in known}
    if curves and name == HALF:
        return dict.fromkeys(known, 0.5)
    return dict.fromkeys(_places(name, size), 1.0)


def _places(name: str, size: int) -> Sequence[str]:
    """The blocks that a name without a curve speaks of."""
    known = ids(size)
    if name in ("IN", "OUT", "ALL"):
        return [block for block in known if name == "ALL" or block.startswith(name)]
    first, dash, last = (part.strip() for part in name.partition("-"))
    if first in known and (not dash or last in known):
        start, end = known.index(first), known.index(last if dash else first)
        if start <= end:
            return known[start : end + 1]
        raise ValueError(f"`{name}` runs backwards", f"write `{last}-{first}`")
    raise ValueError(*_unknown(name, first if first not in known else last, known))


def _unknown(name: str, part: str, known: Sequence[str]) -> tuple[str, str]:
    size = NOTATIONS[len(known)][0]
    if name.startswith("a list of "):
        lengths = f"{len(known)} or {len(with_attention(size))}"
        return f"{name} values is no notation of blocks", f"this family has {lengths} values; or name the blocks"
    if name != part and part in ("IN", "OUT", "ALL"):
        return f"`{name}` has no number at both ends", f"write `{part}` alone, or a range such as `OUT03-OUT05`"
    if part in ids(LONG):
        return f"this family has no block `{part}`", f"it has {known[0]}, {known[1]} to {known[-1]}"
    near = MIDDLE if part.upper() in MIDDLES else nearest(part, [*known, "IN", "OUT", "ALL", *PRESETS, HALF, *CURVES])
    hint = f"did you mean `{near}`?" if near else f"write one of {known[0]}, {known[1]}, …, {known[-1]}"
    return f"there is no block `{part}`", hint


def _curve(places: Sequence[str], curve: str) -> dict[str, float]:
    """The standard trainer's curves over some blocks, plus what stands behind ``+``."""
    name, _, base = curve.partition("+")
    try:
        lift = float(base or 0)
    except ValueError:
        raise ValueError(f"`{base}` behind `{name}+` is no number", f"write `{name}+0.25`") from None
    last = max(1, len(places) - 1)
    ways: dict[str, Callable[[int], float]] = {
        "cosine": lambda place: math.sin(math.pi * (last - place) / last / 2),
        "sine": lambda place: math.sin(math.pi * place / last / 2),
        "linear": lambda place: place / last,
        "reverse_linear": lambda place: (last - place) / last,
        "zeros": lambda _: 0.0,
    }
    return {block: ways[name](place) + lift for place, block in enumerate(places)}


def positive(value: Any) -> Any:
    """As ``named``, of which blocks that a list leaves out stay unspoken of."""
    found = named(value)
    return {block: number for block, number in found.items() if number != 0} if isinstance(value, list | str) else found
