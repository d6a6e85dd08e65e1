"""Tensors as bytes and back (equal safetensors for equal tensors), stacked, and as counted noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors.torch import load, save

from lorabuild.core.counted import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Safetensors bytes without metadata, sorted by name."""
    return cast("bytes", save({name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}))


def unpack(data: bytes) -> dict[str, Tensor]:
    """The tensors of safetensors bytes, on the CPU."""
    return cast("dict[str, Tensor]", load(data))


def stacked(rows: Sequence[Tensor] | Sequence[NDArray[Any]]) -> Tensor:
    """Tensors or arrays of one shape as one tensor [B, …]."""
    return torch.stack([row if isinstance(row, torch.Tensor) else torch.tensor(row) for row in rows])


def noise(shape: Sequence[int], *parts: object) -> Tensor:
    """Counted unit Gaussian noise, float32 on the CPU: the same parts give the same noise on every device."""
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(count(*parts)))
