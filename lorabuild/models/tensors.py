"""Tensors as bytes and back: safetensors that are the same for the same tensors, and pictures without Pillow or numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import torch
from safetensors.torch import load, save

from lorabuild.core.counted import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor


class Picture(Protocol):
    """What is asked of an image: Pillow's RGB image has it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        ...

    def tobytes(self) -> bytes:
        """RGB bytes, row by row."""
        ...


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Safetensors bytes without metadata, sorted by name."""
    return cast("bytes", save({name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}))


def unpack(data: bytes) -> dict[str, Tensor]:
    """The tensors of safetensors bytes, on the CPU."""
    return cast("dict[str, Tensor]", load(data))


def stack(pictures: Sequence[Picture]) -> Tensor:
    """RGB pictures of one size as uint8 [B, H, W, 3]."""
    return torch.stack([_pixels(picture) for picture in pictures])


def noise(shape: Sequence[int], *parts: object) -> Tensor:
    """Counted unit Gaussian noise, float32 on the CPU: the same parts give the same noise on every device."""
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(count(*parts)))


def _pixels(picture: Picture) -> Tensor:
    width, height = picture.size
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(height, width, 3)
