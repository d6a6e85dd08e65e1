"""What the programs around us call each family of base models. It imports nothing heavy: a plan reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """What the programs around us call a family.

    Attributes:
        epsilon, v_prediction: ``ss_base_model_version`` by what the base predicts.
        architecture: of the Stability model specification, for a LoRA of this family.
        v_architecture: the same of one that predicts v.
        implementation: of that specification.
        webui: ``sd version`` in the side file of the web UI.
        pipeline: the class in diffusers that draws with it.
        blocks: input blocks of its U-Net, and as many output blocks, in the notation of ``blocks.py``.
        layer: the text encoders' layer, from the end, that is always read; None where ``clip_skip`` says which.
        v2: ``ss_v2``.
        open_clip: whether a text encoder of it is OpenCLIP's, whose attention has one weight for q, k and v.
    """

    epsilon: str
    v_prediction: str
    architecture: str
    v_architecture: str
    implementation: str
    webui: str
    pipeline: str
    blocks: int = 12
    layer: int | None = None
    v2: bool = False
    open_clip: bool = False


_STABILITY = "https://github.com/Stability-AI/generative-models"
FACTS = {
    "sd15": FamilyFacts(
        *("sd_v1", "sd_v1_v", "stable-diffusion-v1/lora", "stable-diffusion-v1/lora"),
        *("diffusers", "SD1", "StableDiffusionPipeline"),
    ),
    "sd2": FamilyFacts(
        *("sd_v2", "sd_v2_v", "stable-diffusion-v2-512/lora", "stable-diffusion-v2-768-v/lora"),
        *("diffusers", "SD2", "StableDiffusionPipeline"),
        v2=True,
        open_clip=True,
    ),
    "sdxl": FamilyFacts(
        *("sdxl_base_v1-0", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora", "stable-diffusion-xl-v1-base/lora"),
        *(_STABILITY, "SDXL", "StableDiffusionXLPipeline"),
        blocks=9,
        layer=2,
        open_clip=True,
    ),
}
