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
    family: Literal["sd15"] = Field("sd15", description="Model family: the name of its file in `lorabuild/models/`.")
    clip_skip: int = Field(
        1, ge=1, le=12, description="Text encoder layer that is read, from the end: 2 for anime bases, 1 else."
    )
