"""What a single .safetensors checkpoint holds, read from its header alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST = 100_000_000  # the format's own bound on a header
SIGNS = {
    "conditioner.embedders.1.": "sdxl",
    "conditioner.embedders.0.model.": "the SDXL refiner",
    "cond_stage_model.model.": "sd2",
    "cond_stage_model.transformer.": "sd15",
    "double_blocks.": "FLUX",
    "model.diffusion_model.double_blocks.": "FLUX",
    "model.diffusion_model.joint_blocks.": "SD3",
    "lora_": "a LoRA",
    "model.diffusion_model.label_emb.": "sdxl",
    "model.diffusion_model.": "a U-Net without text encoders",
}
ENTRY = "model.diffusion_model.input_blocks.0.0.weight"
LATENT_CHANNELS = 4
EDM = ("edm_mean", "edm_vpred.sigma_max")
PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
ARCHITECTURES = {"stable-diffusion-v2-512": "epsilon", "stable-diffusion-v2-768-v": "v_prediction"}


@dataclass(frozen=True, slots=True)
class Held:
    """What a checkpoint is.

    Attributes:
        family: a word of ``base.family``, or what else it is.
        prediction: ``epsilon`` or ``v_prediction``; None where it doesn't say.
        zero_terminal_snr: whether it was trained down to no signal at all.
    """

    family: str
    prediction: str | None
    zero_terminal_snr: bool


def header(path: Path) -> dict[str, Any]:
    """Name → kind and shape, ``__metadata__`` among them. Raises ``ProjectError`` when it is no safetensors file."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            found = json.loads(file.read(size)) if 2 <= size <= MOST else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        what = f"{path.name} is no safetensors file, or a broken one"
        raise ProjectError(what, where="base.model", next_step="copy or download it again; the end may be missing")
    return found


def look(path: Path) -> Held:
    """What the names, the marks and the metadata speak of: ``v_pred`` and ``ztsnr`` are marks as NoobAI sets them."""
    found = header(path)
    family = next((word for sign, word in SIGNS.items() if any(name.startswith(sign) for name in found)), None)
    if family and (found.get(ENTRY, {}).get("shape") or [0, LATENT_CHANNELS])[1] != LATENT_CHANNELS:
        family = "an inpainting model"
    if any(mark in found for mark in EDM):
        family = "a model with EDM noise"
    prediction = "v_prediction" if "v_pred" in found else _told(found.get("__metadata__") or {})
    return Held(family or "no known model", prediction, "ztsnr" in found)


def _told(metadata: Mapping[str, str]) -> str | None:
    """The prediction that the Stability model specification's words give."""
    architecture = ARCHITECTURES.get(metadata.get("modelspec.architecture", ""))
    return PREDICTIONS.get(metadata.get("modelspec.prediction_type", "")) or architecture
