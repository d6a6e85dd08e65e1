"""``captions:`` a tagger and the rules that turn its scores into captions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section
from lorabuild.schema.taggers import Sidecar, Tagger


class Captions(Section):
    """From scores to captions."""

    tagger: Tagger = Field(Sidecar(), description="Where tags come from.")
    drop: tuple[str, ...] = Field(
        (), examples=[["meme", "*_background"]], description="Tag patterns that never reach a caption."
    )
    replace: dict[str, str] = Field(
        {}, examples=[{"grey_eyes": "gray_eyes"}], description="Tag → other tag; an empty text drops it."
    )
    consolidate: bool = Field(default=True, description="`shirt` + `white_shirt` → `white_shirt`, word by word.")
    order: Literal["score", "frequency", "alphabet"] = Field(
        "score", description="Order of the tags behind the triggers."
    )
    underscores: Literal["keep", "space"] = Field(
        "keep", description="`space` writes `long hair`; kaomoji stay as they are."
    )
