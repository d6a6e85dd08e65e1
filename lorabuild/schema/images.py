"""``images:`` size, buckets and preparation of the training images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.image_steps import Resolutions, Steps, StepsFor
from lorabuild.schema.section import QUIET, Section


class Buckets(Section):
    """Sizes that images are sorted into: no image is squeezed, none is cropped more than needed."""

    step: int | None = Field(
        None,
        ge=8,
        examples=[64],
        description="Sides are multiples of this. Default: VAE factor × U-Net factor (64 in SD1.5).",
    )
    min: int | None = Field(None, ge=8, examples=[256], description="Shortest side in pixels. Default: resolution / 2.")
    max: int | None = Field(None, ge=8, examples=[1024], description="Longest side in pixels. Default: resolution × 2.")
    few: int | None = Field(
        None,
        ge=1,
        examples=[5],
        json_schema_extra=QUIET,
        description="Only so many sizes: those that crop least from these images. `plan` shows what is cropped.",
    )
    upscale: Literal["lanczos", "never"] = Field(
        "lanczos",
        json_schema_extra=QUIET,
        description="`never` enlarges no image: one that is smaller than its bucket gets one of its own size.",
    )


class Images(Steps):
    """How images become training images."""

    resolution: int = Field(
        512,
        ge=32,
        le=4096,
        description="Training area is resolution × resolution pixels (several: `more_resolutions`).",
    )
    more_resolutions: Resolutions = Field(
        (),
        examples=[[768, 1024]],
        json_schema_extra=QUIET,
        description="Every image is trained in these, too, each with buckets and latents of its own; an epoch repeats "
        "it in each of them.",
    )
    buckets: Buckets = Field(Buckets(), description="Bucket sizes.")
    background: str = Field(
        "#ffffff",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Colour that transparent images are flattened on: `#` and six of 0-9, a-f, in quotes.",
    )
    flip: bool = Field(
        default=False, description="Also train on the mirrored image (its latents are cached beside the plain ones)."
    )
    masks: Literal["none", "alpha", "side", "model"] = Field(
        "none",
        description="What of an image is learned (white), and what is not (black): `alpha` is its own transparency, "
        "`side` a greyscale image `name.mask.png` beside it or `masks/name.png`, `model` what `mask_model` sees.",
    )
    mask_model: str | None = Field(
        None,
        examples=["models/u2net.onnx"],
        json_schema_extra=QUIET,
        description="Path of an ONNX model for `masks: model`: u2net, silueta, isnet (of rembg) and their like.",
    )
    detector: str | None = Field(
        None,
        examples=["models/person.onnx"],
        json_schema_extra=QUIET,
        description="Path of an ONNX model of the YOLO type that finds people, for the cuts of `crop` that need one.",
    )
    for_: tuple[StepsFor, ...] = Field(
        (),
        alias="for",
        examples=[[{"match": "dataset/plain/*_scan.png", "trim": 0.2}]],
        json_schema_extra=QUIET,
        description="Steps, sizes, weight and repeats for some images, above those of their concept; of several "
        "the later one wins.",
    )
    duplicates: Literal["report", "drop"] = Field(
        "report",
        json_schema_extra=QUIET,
        description="Of images of a concept that are alike but for size, crop or compression: `drop` uses the largest "
        "one only. Equal ones are always used once, and those with a local change always all.",
    )
    cache: bool = Field(
        default=True,
        description="Encode every image once. `false` encodes it at every look: each costs a pass of the VAE.",
    )
    color_augment: bool = Field(
        default=False,
        description="Another hue, or other middle tones, at a third of the looks; only with `cache: false`.",
    )
    random_crop: bool = Field(
        default=False, description="Crop another part at every look instead of the middle; only with `cache: false`."
    )
