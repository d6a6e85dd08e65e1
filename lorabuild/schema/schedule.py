"""``training.schedule``: the learning rate over the course of a training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section


class Constant(Section):
    """The same learning rate all along."""

    type: Literal["constant"] = "constant"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")


class Cosine(Section):
    """Falls along half a cosine to zero."""

    type: Literal["cosine"] = "cosine"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")


class CosineWithRestarts(Section):
    """Cosine that starts again at full height."""

    type: Literal["cosine_with_restarts"] = "cosine_with_restarts"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")
    restarts: int = Field(1, ge=0, description="How often it starts again.")


Schedule = Annotated[Constant | Cosine | CosineWithRestarts, Field(discriminator="type")]
