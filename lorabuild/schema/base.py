"""``base:`` the model that the LoRA is trained on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section


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
