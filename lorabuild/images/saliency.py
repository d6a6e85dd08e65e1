"""What stands out of a picture, as a mask, by an ONNX model that rembg knows: u2net and its like, isnet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lorabuild.core.errors import StageError
from lorabuild.images import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 320  # of models that leave their size open
MEANS = (0.485, 0.456, 0.406)
SPREADS = (0.229, 0.224, 0.225)
LARGE = 1024  # isnet's side: its spreads are 1
GENERAL = "isnet-general"  # in the name of the one whose means are a half


def mask(image: Image.Image, model: str) -> Image.Image:
    """A greyscale mask of an RGB picture's size, from black to white. Raises ``StageError``, ``ProjectError``.

    Scaled as rembg does: by the brightest value, then by the means and spreads that the family was trained with; of the
    answer the first output counts, stretched from its least to its greatest value.
    """
    side = onnx.side_of(model, SIDE)
    seen = onnx.shown(image, (side, side))
    seen = seen / np.float32(max(float(seen.max()), 1e-6))
    spreads = (1.0, 1.0, 1.0) if side == LARGE else SPREADS
    means = (0.5, 0.5, 0.5) if GENERAL in model else MEANS
    pixels = ((seen - np.array(means)) / np.array(spreads)).astype(np.float32)
    answer = onnx.answer(model, np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    if answer.ndim != 4 or not np.isfinite(answer).all():
        raise StageError("the model gives no mask", where=model, next_step=onnx.HINT)
    found = Image.fromarray(_stretched(answer[0, 0]))
    return found.resize(image.size, Image.Resampling.LANCZOS)


def _stretched(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return np.zeros(values.shape, np.uint8)
    levels: NDArray[np.uint8] = np.floor((values - low) / (high - low) * 255 + 0.5).astype(np.uint8)
    return levels
