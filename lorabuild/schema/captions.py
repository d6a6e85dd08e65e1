"""``captions:`` a tagger and the rules that turn its scores into captions."""

from __future__ import annotations

from pydantic import Field

from lorabuild.schema.caption_rules import Additive, Case, ImageRules, Names, Order, Style, Underscores
from lorabuild.schema.section import QUIET
from lorabuild.schema.taggers import Sidecar, Tagger


class Captions(Additive):
    """From scores to captions."""

    tagger: Tagger = Field(Sidecar(), description="Where tags come from.")
    style: Style = Field(
        "tags",
        json_schema_extra=QUIET,
        description="Tags, the sentences of a captioner, or both; without sentences tags.",
    )
    synonyms: bool = Field(
        default=False,
        json_schema_extra=QUIET,
        description="One spelling for tags of one meaning: `jumper` → `sweater`, by a table of ours.",
    )
    implications: str | None = Field(
        None,
        examples=["tag_implications.csv"],
        json_schema_extra=QUIET,
        description="A table for `implies`: CSV (tag, implied tag) as danbooru's, or YAML or JSON (tag: implied tags).",
    )
    consolidate: bool = Field(default=True, description="`shirt` + `white_shirt` → `white_shirt`, word by word.")
    names: Names = Field(
        "keep", json_schema_extra=QUIET, description="`drop` leaves out names of characters, unless they are triggers."
    )
    case: Case = Field(
        "keep", json_schema_extra=QUIET, description="`lower` writes small letters; triggers stay as they are."
    )
    underscores: Underscores = Field("keep", description="`space` writes `long hair`; kaomoji stay as they are.")
    escape: bool = Field(
        default=False,
        json_schema_extra=QUIET,
        description="Write parentheses as clients' prompts need them, `\\(` and `\\)`.",
    )
    order: Order = Field(
        "score", description="Order of the tags behind the triggers; `original` is the tagger's or the side file's."
    )
    counts_first: bool = Field(
        default=False,
        json_schema_extra=QUIET,
        description="Count tags (`1girl`, `2boys`) and `solo` directly behind the triggers.",
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        examples=[75],
        json_schema_extra=QUIET,
        description="Most tokens of a caption, by the base's tokenizer; last tags go, then sentences, never a trigger.",
    )
    for_: tuple[ImageRules, ...] = Field(
        (),
        alias="for",
        examples=[[{"match": "dataset/cape/*_back.png", "add": ["from_behind"]}]],
        json_schema_extra=QUIET,
        description="Rules for some images, above those of their concept; of several the later one wins.",
    )
