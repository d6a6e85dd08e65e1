"""The hashes by which other tools know a model and a LoRA, as the standard trainer defines them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHORT_FROM, SHORT_TO = 0x100000, 0x110000
"""The stretch of a file that the short hash of the first web UI looks at: 64 KiB from 1 MiB on."""


@dataclass(frozen=True, slots=True)
class ModelHashes:
    """``sha256`` of the whole file, and the old 8-letter hash of 64 KiB of it."""

    sha256: str
    short: str


def short(data: bytes) -> str:
    """The old 8-letter hash; ``e3b0c442`` (nothing read) for anything up to 1 MiB."""
    return hashlib.sha256(data[SHORT_FROM:SHORT_TO]).hexdigest()[:8]


def model_hashes(path: Path) -> ModelHashes:
    """Both hashes of a checkpoint file, read once in pieces."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            whole.update(piece)
        file.seek(SHORT_FROM)
        stretch = file.read(SHORT_TO - SHORT_FROM)
    return ModelHashes(whole.hexdigest(), hashlib.sha256(stretch).hexdigest()[:8])


def data_section(file: bytes) -> memoryview:
    """The bytes of a .safetensors behind its header: the tensors alone."""
    return memoryview(file)[8 + int.from_bytes(file[:8], "little") :]


def lora_hash(file: bytes) -> str:
    """``sshs_model_hash``: sha256 of the tensors, whatever the header says."""
    return hashlib.sha256(data_section(file)).hexdigest()
