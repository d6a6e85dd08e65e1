"""What training does to captions: dress them, choose among wildcards, shuffle and drop tags, begin with few."""

from __future__ import annotations

from pydantic import Field

from lorabuild.schema.section import QUIET, Section


class TokenWarmup(Section):
    """Captions begin with their first few tags and grow to their full length."""

    min: int = Field(1, ge=0, description="Tags, beside the kept ones, that are read at the first step.")
    steps: float = Field(
        0.0,
        ge=0,
        description="Optimizer steps until captions are whole: 1 or more are steps, below 1 a share of all; 0 is off.",
    )


class CaptionForms(Section):
    """The words of ``training:`` that give a caption several forms.

    The forms are counted in advance, so that also shuffled captions are encoded once where no text encoder is trained.
    """

    caption_shuffle: bool = Field(default=False, description="Read the tags of a caption in another order each time.")
    keep_tokens: int | None = Field(
        None,
        ge=0,
        examples=[1],
        description="First tags that are neither shuffled nor dropped. Default: as many as the image has triggers.",
    )
    keep_separator: str | None = Field(
        None,
        min_length=1,
        examples=["|||"],
        description="Mark in a caption: tags before it are kept instead of the first `keep_tokens`, and those behind a "
        "second one.",
    )
    tag_dropout: float = Field(0.0, ge=0, le=1, description="Share of the other tags that is left out each time.")
    token_warmup: TokenWarmup = Field(TokenWarmup(), description="Begin with the first tags of each caption.")
    caption_variants: int = Field(
        8, ge=1, le=1000, description="Forms of a shuffled or thinned caption; each is a text that is tokenized once."
    )
    caption_prefix: str | None = Field(
        None,
        min_length=1,
        examples=["masterpiece,"],
        description="Text before every caption, and a blank; its own tags are kept too. Not for regularization.",
        json_schema_extra=QUIET,
    )
    caption_suffix: str | None = Field(
        None,
        min_length=1,
        examples=[", 35mm photo"],
        description="Text behind every caption, after a blank unless it begins with a comma. Not for regularization.",
        json_schema_extra=QUIET,
    )
    secondary_separator: str | None = Field(
        None,
        min_length=1,
        examples=[";;;"],
        description="Mark between tags that stay together when others are shuffled or dropped; it becomes a comma.",
        json_schema_extra=QUIET,
    )
    wildcards: bool = Field(
        default=False,
        description="`{red|blue} hat` reads as one of the two each time; `{{` and `}}` are braces. Of a text by hand "
        "with several lines each is a caption of its own.",
        json_schema_extra=QUIET,
    )
