"""What was cut off a picture and added around it, as numbers: enough to do the same to its file, or its mask, again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

Move = tuple[str, tuple[int, ...]]
"""``cut`` left, top, right, bottom in pixels; ``pad`` as many pixels there; ``size`` width, height."""


def moved(image: Image.Image, moves: Sequence[Move], colour: str) -> Image.Image:
    """The picture after the moves; ``colour`` is what is added around it."""
    for kind, numbers in moves:
        if kind == "cut":
            left, top, right, bottom = numbers
            image = image.crop((left, top, right, bottom))
        elif kind == "size":
            image = image.resize((numbers[0], numbers[1]), Image.Resampling.BILINEAR)
        else:
            left, top, right, bottom = numbers
            whole = Image.new(image.mode, (left + image.width + right, top + image.height + bottom), colour)
            whole.paste(image, (left, top))
            image = whole
    return image


def written(moves: Sequence[Move]) -> str:
    """Moves as text; empty for none."""
    return json.dumps([[kind, *numbers] for kind, numbers in moves], separators=(",", ":")) if moves else ""


def read(text: str) -> tuple[Move, ...]:
    """Moves from their text."""
    return tuple((kind, tuple(numbers)) for kind, *numbers in json.loads(text)) if text else ()
