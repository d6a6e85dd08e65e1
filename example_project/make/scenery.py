"""The six backgrounds. Lengths are in 64ths of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    import random

    from .words import RGB


def shade(rng: random.Random, colour: RGB, spread: int = 9) -> RGB:
    """The colour, each channel moved by at most `spread`."""
    red, green, blue = (max(0, min(255, c + rng.randint(-spread, spread))) for c in colour)
    return red, green, blue


def _bands(image: Image.Image, bands: list[tuple[float, RGB]]) -> None:
    """Horizontal bands: each (lower edge in 64ths, colour)."""
    draw, unit, top = ImageDraw.Draw(image), image.width / 64, 0.0
    for edge, colour in bands:
        draw.rectangle([0, top * unit, image.width, edge * unit], fill=colour)
        top = edge


def draw_scene(image: Image.Image, scene: str, rng: random.Random) -> None:
    """Paint the whole background."""
    horizon = 42 + rng.uniform(-2, 2)
    if scene == "plain":
        tone = rng.randint(205, 255)
        _bands(image, [(64, shade(rng, (tone, tone, tone), 6))])
    elif scene == "grass":
        _bands(image, [(horizon, shade(rng, (156, 212, 255))), (64, shade(rng, (104, 200, 66)))])
    elif scene == "beach":
        sky, sea, sand = (shade(rng, c, 6) for c in ((178, 232, 255), (44, 148, 214), (240, 222, 164)))
        _bands(image, [(horizon - 16, sky), (horizon, sea), (64, sand)])
    elif scene == "sunset":
        glow, light, earth = (shade(rng, c, 6) for c in ((255, 142, 142), (255, 178, 100), (104, 56, 80)))
        _bands(image, [(horizon - 18, glow), (horizon, light), (64, earth)])
    elif scene == "room":
        _bands(image, [(horizon, shade(rng, (246, 216, 186), 6)), (64, shade(rng, (158, 98, 62)))])
    else:
        _bands(image, [(64, shade(rng, (38, 40, 112), 6))])
        draw, unit = ImageDraw.Draw(image), image.width / 64
        for _ in range(7):
            x, y, r = rng.uniform(2, 62), rng.uniform(2, 50), rng.uniform(0.8, 1.4)
            box = [(x - r) * unit, (y - r) * unit, (x + r) * unit, (y + r) * unit]
            draw.ellipse(box, fill=(252, 246, 190))
