"""``samples:`` pictures drawn to judge the result."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section


class Samples(Section):
    """What is drawn, and when."""

    prompts: tuple[str, ...] = Field(
        (), examples=[["zorbl, forest"]], description="Prompts; each is drawn with the LoRA and once without."
    )
    negative: str = Field("", examples=["blurry"], description="Negative prompt.")
    every: Literal["epoch", "end"] = Field("epoch", description="Draw every epoch's checkpoint, or only the last.")
    steps: int = Field(20, ge=1, le=1000, description="Sampler steps.")
    cfg: float = Field(7.0, ge=1, description="Guidance scale.")
    seed: int = Field(42, ge=0, description="The same seed for every picture of a prompt, so that columns compare.")
    width: int | None = Field(None, ge=8, examples=[512], description="Pixels; default the training resolution.")
    height: int | None = Field(None, ge=8, examples=[512], description="Pixels; default the training resolution.")
    weight: float = Field(1.0, description="Strength of the LoRA.")
