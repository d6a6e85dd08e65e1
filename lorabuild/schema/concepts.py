"""``triggers:`` and ``concepts:`` – new words, what they absorb, and the folders that show them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section

Kind = Literal["character", "outfit", "pose", "situation", "object", "style"]


class Trigger(Section):
    """A new word that the LoRA learns. What it absorbs is pruned from the captions beside it."""

    kind: Kind = Field("character", description="What the word stands for.")
    class_: str | None = Field(
        None,
        alias="class",
        examples=["creature"],
        description="The plain class word (`girl`, `creature`), used for regularization prompts.",
    )
    absorbs: tuple[str, ...] = Field(
        (), examples=[["1creature", "*_eyes"]], description="Tag patterns that this trigger replaces in captions."
    )
    keeps: tuple[str, ...] = Field(
        (),
        examples=[["closed_eyes"]],
        description="Tag patterns that stay in captions although `absorbs` matches them.",
    )


class Concept(Section):
    """A folder of images that show the same triggers."""

    folder: str = Field(examples=["dataset/plain"], description="Folder with the images, relative to lora.yaml.")
    triggers: tuple[str, ...] = Field(
        (), examples=[["zorbl"]], description="Triggers that every image of this folder shows, in caption order."
    )
    weight: float = Field(1.0, gt=0, description="Share of the budget relative to the other concepts.")
    repeats: int | None = Field(
        None, ge=1, examples=[6], description="Fixed repeats; overrides what the budget would give."
    )
