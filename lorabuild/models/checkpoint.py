"""What a single .safetensors checkpoint holds, read from its header alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

MOST = 100_000_000  # the format's own bound on a header
SIGNS = {
    "conditioner.embedders.": "SDXL",
    "cond_stage_model.model.": "SD2",
    "cond_stage_model.transformer.": "sd15",
    "double_blocks.": "FLUX",
    "model.diffusion_model.double_blocks.": "FLUX",
    "model.diffusion_model.joint_blocks.": "SD3",
    "lora_": "a LoRA",
}


def names(path: Path) -> list[str]:
    """Tensor names of a safetensors file, sorted. Raises ``ProjectError`` when it isn't one."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if 2 <= size <= MOST else None
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise ProjectError(f"{path.name} is no safetensors file, or a broken one", where="base.model")
    return sorted(set(header) - {"__metadata__"})


def family(path: Path) -> str:
    """The family that the names speak of, ``sd15`` among them; ``no known model`` when they say nothing."""
    held = names(path)
    found = (word for sign, word in SIGNS.items() if any(name.startswith(sign) for name in held))
    return next(found, "no known model")
