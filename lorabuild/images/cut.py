"""What is cut off a picture, and what is added around it: boxes in pixels, (left, top, right, bottom)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops

if TYPE_CHECKING:
    from lorabuild.balance.buckets import Size

Box = tuple[int, int, int, int]

LEAST = 32  # pixels of a side that trimming leaves; a picture that would lose more is one of one colour
FRAMES = {"full_body": (1.0, 1.0), "cowboy": (0.62, 1.0), "upper_body": (0.42, 1.0), "portrait": (0.24, 1.15)}
"""Part of a person's height that a cut shows, from the top of the head, and its greatest width in such heights."""
MARGIN = 0.04  # of a person's height, around each cut
STANDS = 1.2  # times its width: a person that is less high doesn't stand, and the parts of its height say nothing


def trimmed(image: Image.Image, tolerance: float) -> Box:
    """What is left of an RGB picture without borders of one colour: the top left corner's, else the opposite one's."""
    whole: Box = (0, 0, *image.size)
    for corner in ((0, 0), (image.width - 1, image.height - 1)):
        colour = image.getpixel(corner)
        assert isinstance(colour, tuple)
        differs = ImageChops.difference(image, Image.new("RGB", image.size, colour))
        found = differs.point([255 if level > tolerance * 255 else 0 for level in range(256)] * 3).getbbox()
        if found and found != whole and found[2] - found[0] >= LEAST and found[3] - found[1] >= LEAST:
            return found
    return whole


def shaped(size: Size, across: int, down: int) -> Box:
    """The middle of a picture in an aspect ratio, as large as it can be."""
    width, height = size
    wide, high = min(width, max(1, height * across // down)), min(height, max(1, width * down // across))
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def framed(size: Size, person: Box, frame: str) -> Box | None:
    """The part of a picture that shows so much of the person in it; None where only a person who stands has it."""
    left, top, right, bottom = person
    height, (part, wide) = bottom - top, FRAMES[frame]
    if part < 1 and height < STANDS * (right - left):
        return None
    margin, low = round(MARGIN * height), top + round(part * height)
    half = (
        min((right - left) / 2 + margin, wide * (low - top + margin) / 2) if part < 1 else (right - left) / 2 + margin
    )
    middle = (left + right) / 2
    end = low + margin if part == 1 else low
    return inside(size, (round(middle - half), top - margin, round(middle + half), end))


def inside(size: Size, box: Box) -> Box | None:
    """What of a box lies in the picture; None where nothing does."""
    found = max(0, box[0]), max(0, box[1]), min(size[0], box[2]), min(size[1], box[3])
    return found if found[0] < found[2] and found[1] < found[3] else None


def padding(size: Size, shape: Size) -> Box:
    """The borders, left, top, right, bottom, that give a picture the aspect ratio of a shape."""
    width, height = size
    wide = max(width, -(-height * shape[0] // shape[1]))
    high = max(height, -(-width * shape[1] // shape[0]))
    left, top = (wide - width) // 2, (high - height) // 2
    return left, top, wide - width - left, high - height - top
