"""What a model is told of a picture's size and crop, as the standard trainer (kohya-ss/sd-scripts) works it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorabuild.balance.buckets import Size


def crop(original: Size, bucket: Size) -> tuple[float, float]:
    """(left, top): the bars beside a picture (width, height) that is shrunk into its bucket, not what is cut off it."""
    ratio = original[0] / original[1]
    if bucket[0] / bucket[1] > ratio:
        width, height = bucket[1] * ratio, float(bucket[1])
    else:
        width, height = float(bucket[0]), bucket[0] / ratio
    return (bucket[0] - width) // 2, (bucket[1] - height) // 2


def told(original: Size, bucket: Size) -> tuple[float, ...]:
    """Height and width of the original, crop from top and left, height and width of the bucket."""
    left, top = crop(original, bucket)
    return (original[1], original[0], top, left, bucket[1], bucket[0])
