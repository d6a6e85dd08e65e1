"""From the trained state to the file that is shipped: narrow tensors behind a header that other tools read.

The header is written here and not by the library, which orders metadata by chance: the same training must give
the same bytes. Tensors are laid out as the library does it (widest type first, then by name).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import safetensors.torch
import torch

from lorabuild.core.errors import StageError
from lorabuild.publish import hashes

if TYPE_CHECKING:
    from collections.abc import Mapping

FP16_MAX = 65504.0
KINDS = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
"""``output.precision`` → what the weights are stored as."""


def narrow(state: Mapping[str, torch.Tensor], precision: str = "fp16") -> dict[str, torch.Tensor]:
    """Weights as ``fp16``, ``bf16`` or ``fp32``. An ``alpha`` stays fp32 where the narrow type can't hold it exactly.

    Raises:
        StageError: a weight is not a number, or larger than fp16 can hold.
    """
    kind, narrowed = KINDS[precision], {}
    for name, tensor in state.items():
        small = tensor.detach().to("cpu", kind)
        if name.endswith(".alpha"):
            same = torch.equal(small.to(tensor.dtype), tensor.cpu())
            narrowed[name] = small if same else tensor.detach().cpu().float()
            continue
        if not torch.isfinite(small).all():
            raise _beyond(name, tensor)
        narrowed[name] = small.contiguous()
    return narrowed


def _beyond(name: str, tensor: torch.Tensor) -> StageError:
    layer = name.split(".", 1)[0]
    if not torch.isfinite(tensor).all():
        return StageError(
            f"The weights of `{layer}` are no longer numbers: the training ran away.",
            where=name,
            next_step="lower training.optimizer.lr (or raise warmup), then build again",
        )
    largest = float(tensor.abs().max())
    return StageError(
        f"The weights of `{layer}` reach {largest:.3g}, more than fp16 can hold ({FP16_MAX:.0f}).",
        where=name,
        next_step="lower training.optimizer.lr or raise network.alpha, then build again; or write `precision: bf16`",
    )


def bare(state: Mapping[str, torch.Tensor]) -> bytes:
    """The tensors as .safetensors bytes without metadata, in the library's layout."""
    return bytes(safetensors.torch.save(dict(state)))


def load(data: bytes) -> dict[str, torch.Tensor]:
    """The tensors in .safetensors bytes, by name: the library gives them in an order of chance."""
    return dict(sorted(safetensors.torch.load(data).items()))


def with_metadata(file: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same tensors behind a header with this metadata, sorted; ``file`` has none yet."""
    header = _header(file, metadata)
    return len(header).to_bytes(8, "little") + header + hashes.data_section(file)


def header_size(file: bytes, metadata: Mapping[str, str]) -> int:
    """Bytes that the header of :func:`with_metadata` will have."""
    return len(_header(file, metadata))


def _header(file: bytes, metadata: Mapping[str, str]) -> bytes:
    """JSON, the metadata first and sorted, filled up with spaces to a multiple of eight bytes."""
    tensors = file[8 : 8 + int.from_bytes(file[:8], "little")].rstrip(b" ")
    words = json.dumps({"__metadata__": dict(sorted(metadata.items()))}, ensure_ascii=False, separators=(",", ":"))
    header = words.encode()[:-1] + b"," + tensors[1:]
    return header + b" " * (-len(header) % 8)


def sign(file: bytes, metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata together with ``sshs_model_hash`` and ``sshs_legacy_hash`` of the file.

    Both are taken, as the standard trainer does, over a file whose header has the ``ss_`` words alone.
    """
    plain = {word: value for word, value in metadata.items() if word.startswith("ss_")}
    return {
        **metadata,
        "sshs_model_hash": hashes.lora_hash(file),
        "sshs_legacy_hash": hashes.short(with_metadata(file, plain)),
    }
