"""Painting over a part of a picture with the colours around it: push and pull (Gortler et al., The Lumigraph, 1996).

No model is needed: what is known is averaged into ever smaller pictures, and what is missing is taken from these.
Outlines, and soft edges that a mask has missed, count less than the ground that they stand on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

AROUND = 16  # pixels beside the part that its colours are taken from, at the least
STEP = 4  # levels between neighbouring pixels, from which on they count less than usual ones
SMOOTH = 12  # times what is filled is averaged with its neighbours in every size, which takes the steps out of it


def filled(image: Image.Image, hole: Image.Image) -> Image.Image:
    """An RGB picture without what is white in a mask of its size (0 or 255); the same where nothing or all is."""
    if (box := hole.getbbox()) is None or hole.getextrema() == (255, 255):
        return image
    reach = max(AROUND, (box[2] - box[0]) // 2, (box[3] - box[1]) // 2)
    box = (
        max(0, box[0] - reach),
        max(0, box[1] - reach),
        min(image.width, box[2] + reach),
        min(image.height, box[3] + reach),
    )
    known = np.asarray(hole.crop(box)) == 0
    part = np.asarray(image.crop(box)).astype(np.float32)
    colours = np.where(known[..., None], part, _filled(part, _calm(image.crop(box), known)))
    result = image.copy()
    result.paste(Image.fromarray(np.floor(colours + 0.5).clip(0, 255).astype(np.uint8)), box[:2])
    return result


def _calm(image: Image.Image, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The weight of each pixel: 0 of what isn't known, 1 of what is as even as most of it, little on a line."""
    grey = image.convert("L")
    high, low = (
        np.asarray(grey.filter(kind(3))).astype(np.float32) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter)
    )
    steps = np.maximum(high - low, STEP)
    return np.where(known, np.minimum(1, np.median(steps[known]) / steps) ** 4, 0).astype(np.float32)


def _filled(colours: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours [H, W, 3] where their weight [H, W] is below one completed from half the size."""
    if weight.min() >= 1 or min(weight.shape) < 2:
        return colours
    mass = _halved(weight[..., None])
    smaller = (_halved(colours * weight[..., None]) / mass.clip(1e-6)).astype(np.float32)
    coarse = _filled(smaller, mass[..., 0].clip(0, 1).astype(np.float32))
    height, width = weight.shape
    larger = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    known = weight[..., None]
    for _ in range(SMOOTH):
        larger = colours * known + larger * (1 - known)
        around = np.pad(larger, ((1, 1), (1, 1), (0, 0)), mode="edge")
        larger = (around[2:, 1:-1] + around[:-2, 1:-1] + around[1:-1, 2:] + around[1:-1, :-2]) * np.float32(0.25)
    return colours * known + larger * (1 - known)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum of every 2 × 2 pixels; a last row or column that is alone counts by itself."""
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    sums: NDArray[np.float32] = even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, -1).sum(
        axis=(1, 3), dtype=np.float32
    )
    return sums
