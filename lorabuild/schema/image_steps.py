"""What is done to a picture before it is trained on, as it may stand at every level: project, concept, some images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lorabuild.schema.caption_rules import Globs, listed
from lorabuild.schema.section import QUIET, Section
from lorabuild.schema.suffixes import PERSON

Cut = Annotated[str, Field(pattern=rf"^(whole|boxes|{'|'.join(PERSON)}|[1-9]\d{{0,3}}:[1-9]\d{{0,3}})$")]
Cuts = Annotated[tuple[Cut, ...], BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])]
"""One or several, always several once they are read."""
Resolutions = Annotated[
    tuple[Annotated[int, Field(ge=32, le=4096)], ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, int) else tuple(value) if isinstance(value, list) else value,
        json_schema_input_type=int | tuple[int, ...],
    ),
]
Pad = Literal["none", "square", "bucket"]


class Steps(Section):
    """Steps in the order in which they are taken; each is off unless it is asked for."""

    erase: str = Field(
        "none",
        examples=["fill"],
        json_schema_extra=QUIET,
        description="Paint over what `name.erase.png` beside an image shows white: `fill` with the colours around it, "
        "or the path of an inpainting model of the LaMa type.",
    )
    trim: float = Field(
        0.0,
        ge=0,
        lt=1,
        json_schema_extra=QUIET,
        description="Cut off borders of one colour, that of the corner; it may differ by this share (0.2 is usual).",
    )
    crop: Cuts = Field(
        (),
        examples=[["boxes"]],
        json_schema_extra=QUIET,
        description="Training pictures that an image gives, one an entry: `whole`; `boxes`, those in `name.crop.json` "
        "beside it; `3:2`, the middle; `full_body`, `cowboy`, `upper_body`, `portrait` of the person in it.",
    )
    restore: str = Field(
        "none",
        examples=["models/1x_denoise.safetensors"],
        json_schema_extra=QUIET,
        description="Path of a model that repairs pictures without enlarging them (noise, JPEG).",
    )
    upscale: str = Field(
        "none",
        examples=["models/4x_anime.safetensors"],
        json_schema_extra=QUIET,
        description="Path of a model of the ESRGAN type for images smaller than their bucket; without one they are "
        "enlarged by Lanczos, which `plan` warns of.",
    )
    pad: Pad = Field(
        "none",
        json_schema_extra=QUIET,
        description="Add borders of the colour `background` instead of cropping: to a `square`, or to the shape of the "
        "image's `bucket`. Borders are not learned where there are masks.",
    )


class StepRules(Section):
    """Steps and sizes for some images; what isn't said is as it is for the others."""

    erase: str | None = Field(None, examples=["fill"], json_schema_extra=QUIET, description="As `images.erase`.")
    trim: float | None = Field(
        None, ge=0, lt=1, examples=[0.2], json_schema_extra=QUIET, description="As `images.trim`."
    )
    crop: Cuts | None = Field(None, examples=[["boxes"]], json_schema_extra=QUIET, description="As `images.crop`.")
    restore: str | None = Field(
        None, examples=["models/1x_denoise.safetensors"], json_schema_extra=QUIET, description="As `images.restore`."
    )
    upscale: str | None = Field(
        None, examples=["models/4x_anime.safetensors"], json_schema_extra=QUIET, description="As `images.upscale`."
    )
    pad: Pad | None = Field(None, examples=["square"], json_schema_extra=QUIET, description="As `images.pad`.")
    resolution: int | None = Field(
        None, ge=32, le=4096, examples=[768], json_schema_extra=QUIET, description="As `images.resolution`."
    )
    more_resolutions: Resolutions | None = Field(
        None, examples=[[1024]], json_schema_extra=QUIET, description="As `images.more_resolutions`; `[]` is none."
    )


class StepsFor(StepRules):
    """Steps, sizes and repeats for the images whose paths match."""

    match: Globs = Field(
        min_length=1,
        examples=[["dataset/cape/*_scan.png"]],
        description="Path, or paths, relative to lora.yaml: `*` stands for all but `/`, `**/` for any folders.",
    )
    weight: float | None = Field(
        None,
        gt=0,
        examples=[0.5],
        json_schema_extra=QUIET,
        description="How often they are shown, relative to the other images of their concept, whose share stays: 0.5 "
        "is half as often, but never less than once an epoch.",
    )
    repeats: int | None = Field(
        None,
        ge=0,
        examples=[2],
        json_schema_extra=QUIET,
        description="How often an epoch shows each, whatever the others get; 0 leaves them out.",
    )
