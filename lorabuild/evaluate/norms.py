"""How large the change of each block is, as a picture of bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

from lorabuild.evaluate import picture as pictures
from lorabuild.evaluate.grid import BAND, FAINT, INK, PAPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, EDGE, LINE, SIZE = 900, 24, 34, 20
NAME, FIGURES = 90, 250
COLOURS = {"BASE": "#8a6fae", "IN": "#3f7fa6", "M": "#b5793a", "OUT": "#4f8a5b"}
"""By where a block is: the text encoder, and the ways in, the middle and out of the U-Net."""


def picture(name: str, kind: str, blocks: Sequence[Mapping[str, Any]]) -> bytes:
    """PNG bytes: a bar a block, as long as its norm, with the number and its layers.

    The same blocks give the same bytes, on every machine.
    """
    font, small = ImageFont.load_default(SIZE), ImageFont.load_default(SIZE - 4)
    page = Image.new("RGB", (WIDTH, 3 * EDGE + (len(blocks) + 2) * LINE), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((EDGE, EDGE), name, font=font, fill=INK)
    pen.text((EDGE, EDGE + LINE - 4), f"{kind}: norm of the change in each block", font=small, fill=FAINT)
    most = max((block["norm"] for block in blocks), default=0) or 1
    for number, block in enumerate(blocks):
        top = 2 * EDGE + (number + 2) * LINE
        _row(pen, top, block, block["norm"] / most, (font, small))
    return pictures.encode(page)


def _row(pen: ImageDraw.ImageDraw, top: int, block: Mapping[str, Any], share: float, fonts: tuple[Any, Any]) -> None:
    """A name, a bar on its track, and figures behind it."""
    name, left, right = block["block"], EDGE + NAME, WIDTH - EDGE - FIGURES
    colour = next((colour for begin, colour in COLOURS.items() if name.startswith(begin)), FAINT)
    middle = top + LINE // 2
    pen.text((EDGE, middle), name, font=fonts[0], fill=INK, anchor="lm")
    pen.rectangle((left, top + 6, right, top + LINE - 6), fill=BAND)
    if share > 0:
        pen.rectangle((left, top + 6, left + max(2, round((right - left) * share)), top + LINE - 6), fill=colour)
    layers = "1 layer" if block["layers"] == 1 else f"{block['layers']} layers"
    pen.text((right + 16, middle), f"{block['norm']:.3g}", font=fonts[0], fill=INK, anchor="lm")
    pen.text((WIDTH - EDGE, middle), layers, font=fonts[1], fill=FAINT, anchor="rm")
