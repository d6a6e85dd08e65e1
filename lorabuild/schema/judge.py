"""``judge:`` how the checkpoints of a training are compared, to choose one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lorabuild.schema.section import QUIET, Section


class Judge(Section):
    """What ``lorabuild pick`` and ``output.epoch: auto`` look at."""

    model: str | None = Field(
        None,
        examples=["../models/clip-vit-large-patch14"],
        description="Folder of a CLIP model whose image tower sees the pictures; default the base's own U-Net.",
        json_schema_extra=QUIET,
    )
    pictures: int = Field(
        8,
        ge=2,
        le=256,
        description="Pictures an epoch with the triggers in their prompts; half as many without.",
        json_schema_extra=QUIET,
    )
    seed: int = Field(
        1, ge=0, description="Seed of the first of these pictures; the others' count on.", json_schema_extra=QUIET
    )
    weights: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.25, 0.5, 0.75, 1.25, 1.5, 2.0),
        description="Weights above 0, beside 1, at which the picked epoch is drawn: where its pictures begin to fry.",
        json_schema_extra=QUIET,
    )
