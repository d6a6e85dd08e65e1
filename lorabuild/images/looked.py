"""A picture as one look of a training without a cache sees it: another crop, other colours, mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from lorabuild.balance.buckets import resized
from lorabuild.images.fit import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECOLOURED = 1 / 3  # of all looks; this and the two below are the standard trainer's (kohya-ss/sd-scripts)
TURN = 16 / 360  # of the circle of hues, either way
BEND = 0.05  # of gamma, either way


class Chances(NamedTuple):
    """What is random about a look, each in [0, 1); None where it is not asked for.

    Attributes:
        corner: across and down.
        colour: whether, which way, how much.
    """

    corner: tuple[float, float] | None = None
    colour: tuple[float, float, float] | None = None


class Looked(NamedTuple):
    """Pixels uint8 [H, W, 3] of the bucket, its mask [H, W], and where (left, top) it was cropped after scaling."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None
    corner: tuple[int, int] | None


def looked(image: Image.Image, mask: Image.Image | None, bucket: tuple[int, int], chances: Chances) -> Looked:
    """An RGB picture, and its greyscale mask of the same size, at a bucket (width, height)."""
    corner = None
    if chances.corner:
        scaled = resized(*image.size, bucket)
        across, down = (int(chances.corner[axis] * (scaled[axis] - bucket[axis] + 1)) for axis in (0, 1))
        corner = across, down
    pixels = fit(image, bucket, corner)
    if chances.colour:
        pixels = recoloured(pixels, *chances.colour)
    return Looked(pixels, None if mask is None else fit(mask, bucket, corner), corner)


def recoloured(pixels: NDArray[np.uint8], whether: float, which: float, much: float) -> NDArray[np.uint8]:
    """At a third of the looks another hue, or brighter or darker middle tones; else the same."""
    if whether >= RECOLOURED:
        return pixels
    return _turned(pixels, (2 * much - 1) * TURN) if which < 0.5 else _bent(pixels, 1 + (2 * much - 1) * BEND)


def _turned(pixels: NDArray[np.uint8], turn: float) -> NDArray[np.uint8]:
    hue, *rest = Image.fromarray(pixels).convert("HSV").split()
    shifted = Image.fromarray(np.asarray(hue) + np.uint8(round(turn * 256) % 256))
    return np.asarray(Image.merge("HSV", (shifted, *rest)).convert("RGB"))


def _bent(pixels: NDArray[np.uint8], gamma: float) -> NDArray[np.uint8]:
    levels = 255 * (np.arange(256) / 255) ** gamma
    return np.floor(levels + 0.5).astype(np.uint8)[pixels]
