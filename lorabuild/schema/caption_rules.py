"""Rules for captions, as they may stand at every level: the project, a concept, some of the images."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lorabuild.schema.section import QUIET, Section

Style = Literal["tags", "prose", "tags+prose"]
Names = Literal["keep", "drop"]
Case = Literal["keep", "lower"]
Underscores = Literal["keep", "space"]
Order = Literal["score", "frequency", "alphabet", "original"]


def listed(value: Any) -> Any:
    """Several, where one was written without brackets."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Globs = Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])]
"""One or several, always several once they are read."""


class Additive(Section):
    """Rules that add to those of the levels above; of two about one tag the nearer one wins."""

    drop: tuple[str, ...] = Field(
        (), examples=[["meme", "*_background"]], description="Tag patterns that never reach a caption."
    )
    add: tuple[str, ...] = Field(
        (),
        examples=[["from_behind"]],
        json_schema_extra=QUIET,
        description="Tags that every caption has; a trigger may absorb them.",
    )
    replace: dict[str, str] = Field(
        {}, examples=[{"grey_eyes": "gray_eyes"}], description="Tag → other tag; an empty text drops it."
    )
    split: dict[str, tuple[str, ...]] = Field(
        {},
        examples=[{"black_hat_and_coat": ["black_hat", "black_coat"]}],
        json_schema_extra=QUIET,
        description="Tag → the tags it is made of.",
    )
    same: dict[str, tuple[str, ...]] = Field(
        {},
        examples=[{"katana": ["japanese_sword", "samurai_sword"]}],
        json_schema_extra=QUIET,
        description="Tag → its synonyms, which become it. Stands above the table of `synonyms`.",
    )
    implies: dict[str, tuple[str, ...]] = Field(
        {},
        examples=[{"katana": ["sword", "weapon"]}],
        json_schema_extra=QUIET,
        description="Tag → tags that go without saying beside it, and are left out.",
    )


class CaptionRules(Additive):
    """Rules for captions of some images; what isn't said is as it is for the others."""

    style: Style | None = Field(None, examples=["prose"], json_schema_extra=QUIET, description="As `captions.style`.")
    synonyms: bool | None = Field(None, examples=[True], json_schema_extra=QUIET, description="As `captions.synonyms`.")
    consolidate: bool | None = Field(
        None, examples=[False], json_schema_extra=QUIET, description="As `captions.consolidate`."
    )
    names: Names | None = Field(None, examples=["drop"], json_schema_extra=QUIET, description="As `captions.names`.")
    case: Case | None = Field(None, examples=["lower"], json_schema_extra=QUIET, description="As `captions.case`.")
    underscores: Underscores | None = Field(
        None, examples=["space"], json_schema_extra=QUIET, description="As `captions.underscores`."
    )
    escape: bool | None = Field(None, examples=[True], json_schema_extra=QUIET, description="As `captions.escape`.")
    order: Order | None = Field(
        None, examples=["alphabet"], json_schema_extra=QUIET, description="As `captions.order`."
    )
    counts_first: bool | None = Field(
        None, examples=[True], json_schema_extra=QUIET, description="As `captions.counts_first`."
    )
    max_tokens: int | None = Field(
        None, ge=1, examples=[75], json_schema_extra=QUIET, description="As `captions.max_tokens`."
    )


class ImageRules(CaptionRules):
    """Rules for the images whose paths match."""

    match: Globs = Field(
        min_length=1,
        examples=[["dataset/cape/*_back.png"]],
        description="Path, or paths, relative to lora.yaml: `*` stands for all but `/`, `**/` for any folders.",
    )
