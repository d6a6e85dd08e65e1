"""``images:`` size, buckets and preparation of the training images."""

from __future__ import annotations

from pydantic import Field

from lorabuild.schema.section import Section


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


class Images(Section):
    """How images become training images."""

    resolution: int = Field(512, ge=32, le=4096, description="Training area is resolution × resolution pixels.")
    buckets: Buckets = Field(Buckets(), description="Bucket sizes.")
    background: str = Field(
        "#ffffff",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Colour that transparent images are flattened on: `#` and six of 0-9, a-f, in quotes.",
    )
    flip: bool = Field(
        default=False, description="Also train on the mirrored image (its latents are cached beside the plain ones)."
    )
