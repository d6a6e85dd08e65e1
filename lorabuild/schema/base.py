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
        architecture, implementation: of the Stability model specification, for a LoRA of this family.
        webui: ``sd version`` in the side file of the web UI.
        pipeline: the class in diffusers that draws with it.
    """

    epsilon: str
    v_prediction: str
    architecture: str
    implementation: str
    webui: str
    pipeline: str


FACTS = {
    "sd15": FamilyFacts("sd_v1", "sd_v1_v", "stable-diffusion-v1/lora", "diffusers", "SD1", "StableDiffusionPipeline"),
}


class Base(Section):
    """The base model."""

    model: str = Field(
        examples=["stable-diffusion-v1-5/stable-diffusion-v1-5"],
        description="Hub id (`owner/name` or `owner/name@revision`), diffusers folder, or a single .safetensors file.",
    )
    family: Literal["sd15"] = Field("sd15", description="Model family: the name of its file in `lorabuild/models/`.")
    clip_skip: int = Field(
        1, ge=1, le=12, description="Text encoder layer that is read, from the end: 2 for anime bases, 1 else."
    )
