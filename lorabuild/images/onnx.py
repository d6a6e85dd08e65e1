"""ONNX models that look at a picture: opened with one thread each, so that every machine of a kind sees the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lorabuild.core.errors import ProjectError, StageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HINT = "give the path of a model of this kind: docs/images.md names some"


@lru_cache(maxsize=4)
def opened(path: str) -> Any:
    """A session on the CPU. Raises ``ProjectError``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class
        raise ProjectError(f"the model can't be opened: {_line(error)}", where=path, next_step=HINT) from error


def side_of(path: str, usual: int) -> int:
    """The side of the square pictures [1, 3, side, side] that a model takes. Raises ``ProjectError``."""
    shape = opened(path).get_inputs()[0].shape
    if len(shape) != 4 or shape[1] not in (3, "3") or (isinstance(shape[2], int) and shape[2] != shape[3]):
        what = f"the model takes {list(shape)}, not square pictures [1, 3, side, side]"
        raise ProjectError(what, where=path, next_step=HINT)
    return shape[2] if isinstance(shape[2], int) else usual


def answer(path: str, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first output for [1, 3, side, side]. Raises ``StageError``."""
    session = opened(path)
    try:
        found = session.run(None, {session.get_inputs()[0].name: pixels})[0]
    except Exception as error:  # onnxruntime's errors share no base class
        raise StageError(f"the model fails: {_line(error)}", where=path, next_step=HINT) from error
    return np.asarray(found, np.float32)


def shown(image: Image.Image, size: tuple[int, int]) -> NDArray[np.float32]:
    """RGB in a size as float32 [H, W, 3] in 0 … 255."""
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS), np.float32)


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
