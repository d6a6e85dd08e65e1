"""Fitting a picture to its bucket: scaled to cover it, what sticks out cropped evenly from both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lorabuild.balance.buckets import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE = 4_000_000  # pixels from which on a picture isn't copied into an array as a whole


def fit(image: Image.Image, bucket: tuple[int, int], corner: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """An RGB picture as uint8 [H, W, 3], a greyscale one [H, W], of the bucket (width, height).

    Exact area means down, Lanczos up. Only what stays visible is computed, so a very long picture needs no more memory
    than others. ``corner`` is the left and top of what stays, in pixels after scaling; the middle without it.
    """
    scaled = resized(*image.size, bucket)
    left, top = corner or ((scaled[0] - bucket[0]) // 2, (scaled[1] - bucket[1]) // 2)
    if scaled == image.size:
        return np.asarray(image.crop((left, top, left + bucket[0], top + bucket[1])))
    if scaled[0] <= image.width and scaled[1] <= image.height:
        columns = slice(left, left + bucket[0])
        rows = _Rows(image) if image.width * image.height > LARGE else np.asarray(image)
        return _shrunk(rows, scaled, columns, slice(top, top + bucket[1]))
    across, down = image.width / scaled[0], image.height / scaled[1]
    right, bottom = (left + bucket[0]) * across, (top + bucket[1]) * down
    box = (left * across, top * down, min(right, image.width), min(bottom, image.height))
    return np.asarray(image.resize(bucket, Image.Resampling.LANCZOS, box=box))


class _Rows:
    """A large picture as the array of its rows, of which only those that are asked for are ever there."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        return np.asarray(self.image.crop((0, rows.start, self.image.width, rows.stop)))


def _shrunk(
    pixels: NDArray[np.uint8] | _Rows, scaled: tuple[int, int], columns: slice, rows: slice
) -> NDArray[np.uint8]:
    """Rows first, then columns; rounded once, at the end."""
    lower = _area(pixels, scaled[1], rows)
    narrower = _area(np.ascontiguousarray(lower.swapaxes(0, 1)), scaled[0], columns)
    narrower += 0.5
    np.floor(narrower, out=narrower)
    return np.ascontiguousarray(narrower.clip(0, 255, out=narrower).astype(np.uint8).swapaxes(0, 1))


def _area(values: NDArray[np.uint8] | NDArray[np.float32] | _Rows, whole: int, wanted: slice) -> NDArray[np.float32]:
    """Shrink axis 0 to ``whole`` entries and keep the wanted ones: each is the mean of the stretch that it covers.

    Weights are integers over the length of the axis, so borders between pixels fall exactly where they should.
    """
    length = values.shape[0]
    if whole == length:
        return values[wanted].astype(np.float32)
    result = np.empty((wanted.stop - wanted.start, *values.shape[1:]), np.float32)
    for place, index in enumerate(range(wanted.start, wanted.stop)):
        start, stop = index * length, (index + 1) * length
        first, last = start // whole, -(-stop // whole)
        weights = np.full(last - first, whole, np.float32)
        weights[0] -= start - first * whole
        weights[-1] -= last * whole - stop
        np.einsum("i...,i->...", values[first:last], weights / np.float32(length), out=result[place])
    return result
