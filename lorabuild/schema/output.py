"""``output:`` where the result goes and what it says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lorabuild.schema.section import QUIET, Section


def _written(value: Any) -> Any:
    """A number as it is written."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    """One word as a list of it; ``none`` is no epoch."""
    if isinstance(value, str | int):
        return () if value == "none" else (value,)
    return tuple(value) if isinstance(value, list) else value


Epoch = Annotated[str, BeforeValidator(_written, json_schema_input_type=int | Literal["last", "auto"])]
Beside = Annotated[str, BeforeValidator(_written, json_schema_input_type=int | Literal["all"])]
Epochs = Annotated[
    tuple[Annotated[Beside, Field(pattern="^(all|[1-9][0-9]{0,5})$")], ...],
    BeforeValidator(_listed, json_schema_input_type=Literal["all", "none"] | tuple[int, ...]),
]


class Output(Section):
    """The package."""

    folder: str = Field("out", description="Folder for the results, relative to lora.yaml.")
    epoch: Epoch = Field(
        "last",
        pattern="^(last|auto|[1-9][0-9]{0,5})$",
        examples=[6],
        description="Which epoch is handed out: its number, `last`, or `auto`: what `lorabuild pick` recommends.",
        json_schema_extra=QUIET,
    )
    epochs: Epochs = Field(
        (),
        examples=[[2, 4]],
        description="Epochs that lie beside it as `name-000002.safetensors`: their numbers, `all`, or `none`.",
        json_schema_extra=QUIET,
    )
    precision: Literal["fp16", "bf16", "fp32"] = Field(
        "fp16",
        description="Numbers of the file: fp16 is read everywhere, fp32 is what was trained.",
        json_schema_extra=QUIET,
    )
    without: tuple[Literal["a1111", "civitai", "preview", "grid", "card", "sums"], ...] = Field(
        (),
        examples=[["civitai", "card"]],
        description="What isn't written beside it: `a1111` (name.json), `civitai` (name.civitai.info), `preview` "
        "(name.png), `grid` (name-grid.png), `card` (README.md and its pictures), `sums` (SHA256SUMS).",
        json_schema_extra=QUIET,
    )
    title: str | None = Field(
        None, examples=["Zorbl, a creature"], description="Title in the metadata; default the project's name."
    )
    author: str | None = Field(None, examples=["someone"], description="Author in the metadata.")
    description: str | None = Field(
        None, examples=["A round creature of our own."], description="Description in metadata and side file."
    )
    license: str | None = Field(None, examples=["CC-BY-4.0"], description="Licence in the metadata.")
