"""Masks: white is learned, black is ignored, grey in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lorabuild.images.decode import UnreadableError, decode, pixel_digest
from lorabuild.images.moves import moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lorabuild.images.decode import Prepared

BLACK, GREY = "black", "grey"
ALIKE = 0.02  # how far a mask's shape may be from its picture's: a side that was rounded


@dataclass(frozen=True, slots=True)
class Mask:
    """A greyscale mask of its picture's size.

    Attributes:
        image: the mask.
        pixels: digest of its pixels as they were given.
        flaw: ``black`` or ``grey`` where all of it is alike; else empty.
    """

    image: Image.Image
    pixels: str
    flaw: str


def of_alpha(prepared: Prepared) -> Mask | None:
    """What is opaque is learned; None where all of it is."""
    return None if prepared.opacity is None else _mask(prepared.opacity, prepared.image.size)


def of_file(data: bytes, prepared: Prepared, name: str) -> Mask:
    """The mask in a file's bytes. Raises ``UnreadableError``, in which ``name`` is what the mask is called."""
    try:
        image = decode(data).image
    except UnreadableError as error:
        raise UnreadableError(f"its mask {name} can't be used: {error.what}") from error
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "#000000"), image)
    (width, height), (wide, high) = image.size, prepared.whole
    if abs(width * high / (height * wide) - 1) > ALIKE:
        what = f"{width} x {height} is another shape than the picture's {wide} x {high}"
        raise UnreadableError(f"its mask {name} can't be used: {what}")
    grey = image.convert("L")
    if prepared.moves:
        grey = moved(_sized(grey, prepared.whole), prepared.moves, "black")
    return _mask(grey, prepared.image.size)


def _mask(image: Image.Image, size: tuple[int, int]) -> Mask:
    pixels = pixel_digest(image, "L")
    low, high = image.getextrema()
    flaw = "" if low != high or high == 255 else GREY if high else BLACK
    return Mask(_sized(image, size), pixels, flaw)


def _sized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def averaged(mask: NDArray[np.uint8], factor: int) -> NDArray[np.float32]:
    """A mask [H, W] of a training picture as float32 [1, H / factor, W / factor] in 0 … 1: the mean of each area."""
    height, width = mask.shape
    areas = mask.reshape(height // factor, factor, width // factor, factor)
    sums: NDArray[np.int64] = areas.sum(axis=(1, 3), dtype=np.int64)
    return np.divide(sums, 255 * factor * factor, dtype=np.float64).astype(np.float32)[None]
