"""Models that repair, enlarge and complete pictures, through spandrel, which knows their kinds; the one file for torch.

A model's file is read as tensors alone: safetensors, or a checkpoint that torch reads without running anything.
"""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lorabuild.core.errors import ProjectError, StageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

TILE, BESIDE = 512, 24  # pixels that a model sees at once, and those around them that are thrown away
INSTALL = "install it: pip install 'lorabuild[upscale]' (it needs the torchvision that matches your torch)"


def restored(image: Image.Image, model: str) -> Image.Image:
    """An RGB picture repaired in its size. Raises ``ProjectError`` for a model that enlarges."""
    scale = _opened(model).scale
    if scale != 1:
        what = f"it enlarges pictures {scale} times"
        raise ProjectError(what, where=f"images.restore {model}", next_step="name it under `upscale`")
    return _through(model, image)


def enlarged(image: Image.Image, model: str, least: tuple[int, int]) -> Image.Image:
    """An RGB picture enlarged until it covers ``least``, then scaled down to it. Raises ``ProjectError``."""
    if _opened(model).scale < 2:
        raise ProjectError("it does not enlarge", where=f"images.upscale {model}", next_step="name it under `restore`")
    while image.width < least[0] or image.height < least[1]:
        image = _through(model, image)
    return image if image.size == least else image.resize(least, Image.Resampling.LANCZOS)


def inpainted(image: Image.Image, hole: Image.Image, model: str) -> Image.Image:
    """An RGB picture completed where a mask of its size (0 or 255) is white; the rest stays as it is."""
    import torch

    opened, mask = _opened(model), torch.from_numpy(np.array(hole, dtype=np.float32) / 255)[None, None]
    made = _guarded(model, partial(opened, _tensor(image), mask))
    result = image.copy()
    result.paste(Image.fromarray(_pixels(made)), mask=hole)
    return result


def _through(model: str, image: Image.Image) -> Image.Image:
    """A picture through a model, tile by tile; each sees more than it gives, so that no seam shows."""
    opened = _opened(model)
    scale, result = int(opened.scale), Image.new("RGB", (image.width * opened.scale, image.height * opened.scale))
    for left, top in _tiles(image.size):
        right, bottom = min(image.width, left + TILE), min(image.height, top + TILE)
        near = max(0, left - BESIDE), max(0, top - BESIDE)
        part = image.crop((*near, min(image.width, right + BESIDE), min(image.height, bottom + BESIDE)))
        made = Image.fromarray(_pixels(_guarded(model, partial(opened, _tensor(part)))))
        across, down = (left - near[0]) * scale, (top - near[1]) * scale
        box = (across, down, across + (right - left) * scale, down + (bottom - top) * scale)
        result.paste(made.crop(box), (left * scale, top * scale))
    return result


def _tiles(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    return ((left, top) for top in range(0, size[1], TILE) for left in range(0, size[0], TILE))


def _guarded(model: str, run: Callable[[], Tensor]) -> Tensor:
    import torch

    try:
        with torch.inference_mode():
            return run()
    except (RuntimeError, ValueError, TypeError) as error:
        said = str(error).strip().partition("\n")[0]
        raise StageError(f"the model fails: {said}", where=model, next_step="give another model") from error


def _tensor(image: Image.Image) -> Tensor:
    """RGB → float32 [1, 3, H, W] in 0 … 1."""
    import torch

    return torch.from_numpy(np.array(image, dtype=np.float32).transpose(2, 0, 1) / 255)[None]


def _pixels(made: Tensor) -> NDArray[np.uint8]:
    values = made[0].float().clamp(0, 1).mul(255).round().permute(1, 2, 0).contiguous()
    found: NDArray[np.uint8] = values.numpy().astype(np.uint8)
    return found


@lru_cache(maxsize=3)
def _opened(model: str) -> Any:
    """A model, ready to be called. Raises ``ProjectError`` where spandrel isn't there, or doesn't know it."""
    try:
        spandrel = import_module("spandrel")
    except ImportError as error:
        what = f"the library that runs such models is missing: {error}"
        raise ProjectError(what, where=model, next_step=INSTALL) from error
    try:
        opened = spandrel.ModelLoader(device="cpu").load_from_state_dict(_tensors(Path(model)))
    except Exception as error:  # spandrel's errors share no base class
        hint = "give a model that spandrel knows: ESRGAN, SwinIR, HAT, DAT, SPAN, Compact, LaMa …"
        raise ProjectError(
            f"it can't be opened as a model of pictures: {error}", where=model, next_step=hint
        ) from error
    opened.model.eval()
    return opened


def _tensors(path: Path) -> dict[str, Any]:
    """What a file holds, as tensors; nothing in it is run."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    import torch

    return dict(torch.load(path, map_location="cpu", weights_only=True))
