"""``sources:`` – where pictures come from beside the concepts' folders: archives, films, lists, folders elsewhere."""

from __future__ import annotations

from pydantic import Field

from lorabuild.schema.section import QUIET, Section

_SPAN = r"\d{1,9}(\.\d{1,6})? ?(s|m|min|h)"
_MOMENT = rf"frame \d{{1,9}}|{_SPAN}|(\d{{1,4}}:)?\d{{1,4}}:\d{{1,2}}(\.\d{{1,6}})?"


class Source(Section):
    """One place that pictures are taken from. What is in it is never altered; what is unpacked lies in the store."""

    path: str = Field(
        examples=["../raw/fanart.zip"],
        description="Folder (with `metadata.jsonl` an imagefolder), glob (`../raw/**/*.png`), zip or cbz, animated "
        "gif, webp, png or avif, film, or list (csv, jsonl: `path`, `caption` or `tags`). `~` and `$NAME` are known.",
    )
    into: str = Field(examples=["misc"], description="The concept that its pictures belong to.")
    frames: str | None = Field(
        None,
        pattern=r"^(all|scenes|every [1-9]\d{0,8})$",
        examples=["every 4"],
        description="Which frames of what moves: `all` (animations, unless `every` is said), `every 4`th, or `scenes`: "
        "the first after each cut.",
        json_schema_extra=QUIET,
    )
    every: str | None = Field(
        None,
        pattern=rf"^({_SPAN})$",
        examples=["2s"],
        description="One frame in so much time; films without `frames`: 1s.",
        json_schema_extra=QUIET,
    )
    from_: str | None = Field(
        None,
        alias="from",
        pattern=rf"^({_MOMENT})$",
        examples=["1:30"],
        description="First moment that is looked at: `90s`, `1:30` or `frame 120`.",
        json_schema_extra=QUIET,
    )
    to: str | None = Field(
        None,
        pattern=rf"^({_MOMENT})$",
        examples=["frame 480"],
        description="Moment from which on nothing is looked at.",
        json_schema_extra=QUIET,
    )
    alike: float | None = Field(
        None,
        ge=0,
        le=1,
        examples=[0.02],
        description="A frame that differs from the last one taken by no more than this (mean of 32 × 32 areas, 1 "
        "is black against white) is passed over. Default: 0.01 in films; in animations none is.",
        json_schema_extra=QUIET,
    )
