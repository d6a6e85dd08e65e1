"""Finished pictures as bytes: PNG without a clock, previews, thumbnails."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture for a page: encoded bytes, their media type, width and height in pixels."""

    data: bytes
    media: str
    width: int
    height: int


def png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of one picture [H,W,3] uint8. No time or software chunk: the same pixels give the same bytes."""
    return encode(Image.fromarray(pixels))


def encode(image: Image.Image) -> bytes:
    """PNG bytes of an RGB image, without any text chunk."""
    buffer = io.BytesIO()
    bare = Image.frombytes("RGB", image.size, image.convert("RGB").tobytes())
    bare.save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    """The RGB image in PNG bytes of our own making."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def enlarge(image: Image.Image, least: int) -> Image.Image:
    """A tiny picture made larger by whole steps until its longer side is at least ``least`` px; others as they are.

    Whole steps and nearest neighbour: what is looked at are the pixels that were drawn.
    """
    longest = max(image.size)
    if longest >= least:
        return image
    factor = -(-least // longest)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def shrink(image: Image.Image, most: int) -> Image.Image:
    """A large picture made smaller so that its longer side is at most ``most`` px; others as they are."""
    longest = max(image.size)
    if longest <= most:
        return image
    size = (max(1, round(image.width * most / longest)), max(1, round(image.height * most / longest)))
    return image.resize(size, Image.Resampling.LANCZOS)


def preview(data: bytes) -> bytes:
    """The picture that a card shows: PNG, tiny ones enlarged to at least 512 px."""
    return encode(enlarge(decode(data), 512))


def thumbnail(image: Image.Image, side: int) -> Thumbnail:
    """A WebP of at most ``side`` px; pictures that are as small as that are kept exactly (lossless)."""
    small = shrink(image.convert("RGB"), side)
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", lossless=small.size == image.size, quality=82, method=4)
    return Thumbnail(buffer.getvalue(), "image/webp", small.width, small.height)


def pixels(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """[H,W,3] of an image that is scaled to cover a width and height, and cut to them about its middle."""
    return np.array(ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS))
