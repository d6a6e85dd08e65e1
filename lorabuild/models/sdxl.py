"""Stable Diffusion XL: CLIP and OpenCLIP side by side, one layer before their last; the U-Net is told sizes as well.

Epsilon, or v with zero-terminal SNR as NoobAI trains it; Pony and Illustrious are SDXL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lorabuild.models import clip, kohya, weights
from lorabuild.models.latent_diffusion import LatentDiffusion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn

    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base

PENULTIMATE = 2


def load(located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype) -> Sdxl:
    """Open the parts that are asked for."""
    return Sdxl(located, settings, parts, device, dtype)


class Sdxl(LatentDiffusion):
    """A loaded Stable Diffusion XL."""

    PARTS = LatentDiffusion.PARTS | {
        "text_encoder": weights.clip("conditioner.embedders.0.transformer."),
        "text_encoder_2": weights.open_clip("conditioner.embedders.1.model.", projects=True),
    }
    ENCODERS = {"text_encoder": ("tokenizer", "lora_te1"), "text_encoder_2": ("tokenizer_2", "lora_te2")}  # noqa: RUF012

    @staticmethod
    def unet_layers(unet: nn.Module, *, convolutions: bool) -> dict[str, nn.Module]:
        """``lora_unet_…`` → layer, in the original spelling, as all tools name SDXL's."""
        return kohya.unet_layers(unet, convolutions=convolutions, original=True)

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """``hidden`` [B, 75·N + 2, D1 + D2], not normed, and ``pooled`` [B, P] of the second encoder's first chunk."""
        states, answers = [], []
        for place, part in enumerate(self.ENCODERS):
            hidden, answer = clip.read(self._part(part), tokens[:, place], PENULTIMATE)
            states.append(clip.joined(hidden, len(tokens)))
            answers.append(answer)
        pooled = answers[-1].text_embeds
        return {"hidden": torch.cat(states, dim=-1), "pooled": pooled.view(len(tokens), -1, pooled.shape[-1])[:, 0]}

    def _added(self, condition: Mapping[str, Tensor]) -> dict[str, Any]:
        """The pooled text, and the six sizes, which stay float32: half precision can't tell 1023 from 1024 pixels."""
        pooled = condition["pooled"].to(self.dtype)
        return {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": condition["sizes"].float()}}
