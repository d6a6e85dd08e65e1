"""Stable Diffusion 1.x: one CLIP text encoder; epsilon, or v if its config says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.models import weights
from lorabuild.models.latent_diffusion import LatentDiffusion

if TYPE_CHECKING:
    from collections.abc import Collection

    import torch

    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base


def load(located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype) -> Sd15:
    """Open the parts that are asked for."""
    return Sd15(located, settings, parts, device, dtype)


class Sd15(LatentDiffusion):
    """A loaded Stable Diffusion 1.x."""

    PARTS = LatentDiffusion.PARTS | {"text_encoder": weights.clip("cond_stage_model.transformer.")}
