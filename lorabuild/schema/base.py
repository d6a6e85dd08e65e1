"""``base:`` the model that the LoRA is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section


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
    ),
    "sdxl": FamilyFacts(
        *("sdxl_base_v1-0", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora", "stable-diffusion-xl-v1-base/lora"),
        *(_STABILITY, "SDXL", "StableDiffusionXLPipeline"),
        blocks=9,
        layer=2,
    ),
}


class Base(Section):
    """The base model."""

    model: str = Field(
        examples=["stable-diffusion-v1-5/stable-diffusion-v1-5"],
        description="Hub id (`owner/name` or `owner/name@revision`), diffusers folder, or a single .safetensors file.",
    )
    family: Literal["sd15", "sd2", "sdxl"] = Field(
        "sd15", description="Model family: the name of its file in `lorabuild/models/`. Pony and Illustrious are sdxl."
    )
    vae: str | None = Field(
        None,
        examples=["stabilityai/sd-vae-ft-mse"],
        description="Another autoencoder: hub id, diffusers folder, or a single .safetensors file.",
    )
    prediction: Literal["epsilon", "v_prediction"] | None = Field(
        None, examples=["v_prediction"], description="What the base predicts; what the model says when left out."
    )
    zero_terminal_snr: bool | None = Field(
        None,
        examples=[True],
        description="Noise that leaves no signal at its last timestep (Lin et al. 2023), as of NoobAI's v-prediction "
        "bases; what the model says when left out.",
    )
    clip_skip: int = Field(
        1,
        ge=1,
        le=12,
        description="Text encoder layer that is read, from the end: 2 for anime bases, 1 else. SDXL always reads the "
        "second: there 1 and 2 are the same.",
    )
    max_token_length: Literal[75, 150, 225] = Field(
        225, description="Tokens of a text that are read, in chunks of 75; what is longer is cut there, with a warning."
    )
