"""``lint:`` findings that a person knows of and doesn't want to hear again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.caption_rules import Globs
from lorabuild.schema.section import Section, runtime_only

Code = Literal[
    "set-aside", "duplicate", "near-duplicate", "variant", "shared-words",
    "too-small", "shrunk", "alpha", "blur", "jpeg", "letterbox", "monochrome",
    "black-mask", "grey-mask", "no-mask",
    "empty-caption", "long-caption", "huge-caption", "retro",
    "empty-concept", "over-share", "share-off", "small-bucket", "many-buckets",
    "few-images", "upscaled", "too-few-images", "under-exposed", "over-exposed",
    "inseparable", "leaks-to-shared", "dominated", "contaminated-word",
    "caption-forms", "no-cache", "idle-word",
]  # fmt: skip
"""Every code of ``lorabuild lint``; docs/lint.md says what each means."""


class Ignored(Section):
    """Findings of some images that aren't told."""

    match: Globs = Field(
        min_length=1,
        examples=[["dataset/sketches/*"]],
        description="Path, or paths, relative to lora.yaml: `*` stands for all but `/`, `**/` for any folders.",
    )
    ignore: tuple[Code, ...] = runtime_only((), "Codes of findings.", examples=[["blur", "jpeg"]])


class Lint(Section):
    """What `lorabuild lint`, plans, builds and the report tell of images, captions and balance."""

    ignore: tuple[Code, ...] = runtime_only(
        (), "Codes of findings that aren't told: see docs/lint.md.", examples=[["variant", "blur"]]
    )
    for_: tuple[Ignored, ...] = Field(
        (),
        alias="for",
        examples=[[{"match": "dataset/sketches/*", "ignore": ["monochrome"]}]],
        json_schema_extra={"runtime_only": True},
        description="The same for some images.",
    )
