"""How far two pictures of one seed are from each other."""

from __future__ import annotations

import numpy as np

from lorabuild.evaluate import picture


def apart(one: bytes, other: bytes) -> float:
    """Root of the mean squared difference of their values (PNG bytes of one size): 0 equal, 1 black and white."""
    first, second = (np.asarray(picture.decode(data), dtype=np.float64) for data in (one, other))
    return float(np.sqrt(np.mean((first - second) ** 2)) / 255)


def smaller(data: bytes, side: int) -> bytes:
    """A picture (PNG bytes) of at most ``side`` px, for a wide grid."""
    return picture.encode(picture.shrink(picture.decode(data), side))
