"""The square that a WD14-family tagger looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 8192  # pixels; a longer side is first reduced by a whole factor, so that a strip can't fill the memory
WHITE = (255, 255, 255)


def padded(image: Image.Image) -> Image.Image:
    """The picture on a white square, centred; where the margin is odd, the smaller half is left and above."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def squared(image: Image.Image, side: int) -> NDArray[np.float32]:
    """float32 [side, side, 3], BGR, 0 to 255: padded to a square, then resized; areas averaged, or Lanczos to enlarge.

    Source: the preparation that the tagger's authors and the standard trainer use (pad first, INTER_AREA / Lanczos).
    """
    longest = max(image.size)
    if longest > _LARGEST:
        image = image.reduce(-(-longest // _LARGEST))
    image = padded(image)
    if image.width != side:
        image = image.resize((side, side), Image.Resampling.BOX if image.width > side else Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.float32)[:, :, ::-1]
