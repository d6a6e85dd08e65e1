"""``output:`` where the result goes and what it says of itself."""

from __future__ import annotations

from pydantic import Field

from lorabuild.schema.section import Section


class Output(Section):
    """The package."""

    folder: str = Field("out", description="Folder for the results, relative to lora.yaml.")
    title: str | None = Field(
        None, examples=["Zorbl, a creature"], description="Title in the metadata; default the project's name."
    )
    author: str | None = Field(None, examples=["someone"], description="Author in the metadata.")
    description: str | None = Field(
        None, examples=["A round creature of our own."], description="Description in metadata and side file."
    )
    license: str | None = Field(None, examples=["CC-BY-4.0"], description="Licence in the metadata.")
