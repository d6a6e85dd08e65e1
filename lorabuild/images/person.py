"""The person in a picture, by an ONNX model of the YOLO type (deepghs' anime_person_detection, ultralytics' exports).

It takes [1, 3, side, side] in 0 … 1 with grey borders, and gives [1, 4 + classes, boxes] (version 8 and later: middle,
width, height, a score a class) or [1, boxes, 5 + classes] (version 5: with a score that there is anything). The first
class is the person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lorabuild.core.errors import ProjectError
from lorabuild.images import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from lorabuild.images.cut import Box

SIDE, GREY = 640, 114.0  # of models that leave their size open; the colour of the borders
SURE = 0.3  # the least score of a person


def found(image: Image.Image, model: str) -> Box | None:
    """The largest person that is surely there, as (left, top, right, bottom); None without one."""
    side = onnx.side_of(model, SIDE)
    scale = side / max(image.size)
    wide, high = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    pixels = np.full((side, side, 3), GREY, np.float32)
    left, top = (side - wide) // 2, (side - high) // 2
    pixels[top : top + high, left : left + wide] = onnx.shown(image, (wide, high))
    rows = _rows(onnx.answer(model, np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / 255)), model)
    rows = rows[rows[:, 4] >= SURE]
    if not len(rows):
        return None
    best = rows[np.argmax(rows[:, 2] * rows[:, 3])]
    across, down, width, height = (float(value) for value in best[:4])
    corners = (across - width / 2 - left, down - height / 2 - top, across + width / 2 - left, down + height / 2 - top)
    limits = (image.width, image.height) * 2
    ends = [min(limit, max(0, round(value / scale))) for value, limit in zip(corners, limits, strict=True)]
    return (ends[0], ends[1], ends[2], ends[3]) if ends[0] < ends[2] and ends[1] < ends[3] else None


def _rows(answer: NDArray[np.float32], model: str) -> NDArray[np.float32]:
    """Boxes [N, 5]: middle, size, score of a person. Raises ``ProjectError`` for another layout."""
    if answer.ndim != 3 or min(answer.shape[1:]) < 5:
        what = f"the model gives {list(answer.shape)}, not [1, 4 + classes, boxes] or [1, boxes, 5 + classes]"
        raise ProjectError(what, where=model, next_step=onnx.HINT)
    if answer.shape[1] < answer.shape[2]:
        return np.ascontiguousarray(answer[0, :5].T)
    score = answer[0, :, 4:5] * (answer[0, :, 5:6] if answer.shape[2] > 5 else 1)
    return np.concatenate([answer[0, :, :4], score], axis=1)
