"""``captions.tagger``: where tags come from, one class a tagger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section


class Wd14(Section):
    """A WD14-family ONNX tagger: `model.onnx` with `selected_tags.csv`."""

    type: Literal["wd14"] = "wd14"
    model: str = Field("SmilingWolf/wd-swinv2-tagger-v3", description="Folder or hub id (`owner/name[@revision]`).")
    threshold: float = Field(0.35, ge=0, le=1, description="General tags at or above this score are kept.")
    character_threshold: float = Field(0.85, ge=0, le=1, description="Character tags at or above this score are kept.")


class Sidecar(Section):
    """Tags from a text file beside each image."""

    type: Literal["sidecar"] = "sidecar"
    extension: str = Field(
        ".txt",
        pattern=r"^\.[A-Za-z0-9_.-]+$",
        description="Ending of the side file, instead of the image's; begins with a dot.",
    )


Tagger = Annotated[Wd14 | Sidecar, Field(discriminator="type")]
