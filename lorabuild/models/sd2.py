"""Stable Diffusion 2.x: OpenCLIP's text encoder without its last layer; epsilon (512 base) or v (768)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.models import weights
from lorabuild.models.latent_diffusion import LatentDiffusion

if TYPE_CHECKING:
    from collections.abc import Collection

    import torch

    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base


def load(located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype) -> Sd2:
    """Open the parts that are asked for."""
    return Sd2(located, settings, parts, device, dtype)


class Sd2(LatentDiffusion):
    """A loaded Stable Diffusion 2.x."""

    PARTS = LatentDiffusion.PARTS | {"text_encoder": weights.open_clip("cond_stage_model.model.", projects=False)}
