"""``triggers:`` and ``concepts:`` – new words, what they absorb, and the folders that show them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.caption_rules import CaptionRules
from lorabuild.schema.image_steps import StepRules
from lorabuild.schema.section import QUIET, Section

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
    level: Literal["fluid", "semi-static", "static"] = Field(
        "semi-static",
        description=(
            "How much this trigger replaces in captions: `fluid` nothing, `semi-static` what `absorbs` says, `static` "
            "that and all that is intrinsic to its kind."
        ),
        json_schema_extra=QUIET,
    )
    absorbs: tuple[str, ...] | None = Field(
        None,
        examples=[["@hair", "*_eyes", "1creature"]],
        description=(
            "Tag patterns and groups that this trigger replaces in captions; left out, those of its `kind`: `plan` "
            "shows them. `[]` is none."
        ),
    )
    keeps: tuple[str, ...] = Field(
        (),
        examples=[["closed_eyes"]],
        description="Tag patterns and groups that stay in captions although `absorbs` matches them.",
    )


class Concept(Section):
    """A folder of images that show the same triggers."""

    folder: str | None = Field(
        None,
        examples=["dataset/plain"],
        description="Folder with the images, relative to lora.yaml; **must be written** unless a source gives them.",
        json_schema_extra=QUIET,
    )
    triggers: tuple[str, ...] = Field(
        (), examples=[["zorbl"]], description="Triggers that every image of this folder shows, in caption order."
    )
    share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Part of the folder's images that is taken, chosen by their content: an image that comes or goes "
        "changes nothing for the others.",
        json_schema_extra=QUIET,
    )
    rest_of: str | None = Field(
        None,
        examples=["plain"],
        description="Concept over the same folder: only images that it leaves are taken; `share` is a part of these.",
        json_schema_extra=QUIET,
    )
    weight: float = Field(1.0, gt=0, description="Share of the budget relative to the other concepts.")
    repeats: int | None = Field(
        None, ge=1, examples=[6], description="Fixed repeats; overrides what the budget would give."
    )
    captions: CaptionRules | None = Field(
        None,
        examples=[{"drop": ["cape"]}],
        json_schema_extra=QUIET,
        description="Rules for the captions of this concept, above the project's.",
    )
    images: StepRules | None = Field(
        None,
        examples=[{"trim": 0.2}],
        json_schema_extra=QUIET,
        description="Steps and sizes for the images of this concept, above the project's.",
    )
