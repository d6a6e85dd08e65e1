"""Bucket sizes and the choice among them: list and rule of the standard trainer (kohya-ss/sd-scripts).

All sizes are (width, height) in pixels. It knows no picture: ``images.fit`` does the scaling and cropping.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable

Size = tuple[int, int]
Sizes = tuple[Size, ...]


class NeverEnlarging(tuple[Size, ...]):
    """Sizes of a project that enlarges no picture: one that is smaller gets a bucket of its own size."""

    __slots__ = ()


UNET_FACTOR = 8  # an SD U-Net halves its input three times


def sizes_for(
    resolution: int,
    vae_factor: int,
    *,
    step: int | None = None,
    smallest: int | None = None,
    largest: int | None = None,
) -> Sizes:
    """The buckets of a project, ascending.

    ``step`` defaults to the VAE factor times the U-Net factor, ``smallest`` and ``largest`` side to half and twice the
    resolution.
    Limits that are no multiple of the step move outwards. Raises ``ProjectError`` where no size would fit.
    """
    step = step or vae_factor * UNET_FACTOR
    smallest = resolution // 2 if smallest is None else smallest
    largest = resolution * 2 if largest is None else largest
    _check(resolution, step, smallest, largest)
    return predefined(resolution, step, max(step, smallest // step * step), -(-largest // step) * step)


def _check(resolution: int, step: int, smallest: int, largest: int) -> None:
    if resolution < step:
        raise ProjectError(
            f"the resolution {resolution} is smaller than the bucket step {step}",
            where="images.resolution",
            next_step=f"set images.resolution to {step} or more, or images.buckets.step to a smaller number",
        )
    if not smallest <= resolution <= largest:
        raise ProjectError(
            f"the resolution {resolution} is outside the bucket sides {smallest} to {largest}",
            where="images.buckets",
            next_step=f"set images.buckets.min to at most {resolution} and images.buckets.max to at least {resolution}",
        )


def predefined(resolution: int, step: int, smallest: int, largest: int) -> Sizes:
    """Every side from smallest to largest with the longest partner within the area, both ways round; and the square."""
    area = resolution * resolution
    square = resolution // step * step
    found = {(square, square)}
    for side in range(smallest, largest + 1, step):
        partner = min(largest, area // side // step * step)
        if partner >= smallest:
            found |= {(side, partner), (partner, side)}
    return tuple(sorted(found))


@lru_cache(maxsize=4096, typed=True)
def bucket_of(width: int, height: int, sizes: Sizes) -> Size:
    """The bucket of the picture's own size, else the first of the nearest in aspect ratio (linear difference)."""
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width}x{height} pixels has no aspect ratio")
    if (width, height) in sizes:
        return width, height
    ratio = width / height
    nearest = min(sizes, key=lambda size: abs(size[0] / size[1] - ratio))
    if isinstance(sizes, NeverEnlarging) and upscaled(width, height, nearest):
        step = gcd(*(side for size in sizes for side in size))
        return own_size(width, height, nearest, step)
    return nearest


def own_size(width: int, height: int, most: Size, step: int) -> Size:
    """The largest bucket inside a picture, no larger than ``most``; one step where it is smaller than that.

    The standard trainer has a size of 0 there, and fails.
    """
    return max(step, min(width, most[0]) // step * step), max(step, min(height, most[1]) // step * step)


def resized(width: int, height: int, bucket: Size) -> Size:
    """The size after scaling the picture so that it just covers its bucket; what sticks out is cropped."""
    wider = width / height > bucket[0] / bucket[1]
    scale = bucket[1] / height if wider else bucket[0] / width
    return int(width * scale + 0.5), int(height * scale + 0.5)


def upscaled(width: int, height: int, bucket: Size) -> bool:
    """Whether the picture must be enlarged to cover its bucket."""
    return width < bucket[0] or height < bucket[1]


def tally(buckets: Iterable[Size]) -> tuple[tuple[int, int, int], ...]:
    """How many pictures each bucket has: (width, height, count), ascending; from the bucket of each, or from counts."""
    return tuple((*bucket, count) for bucket, count in sorted(Counter(buckets).items()))
