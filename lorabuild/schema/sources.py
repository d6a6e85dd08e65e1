"""``sources:`` – where pictures come from beside the concepts' folders: archives, films, lists, folders elsewhere."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pydantic import Field

from lorabuild.schema.section import QUIET, Section
from lorabuild.schema.suffixes import ARCHIVES, FILMS, LISTS, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.schema.site import Site

_MOMENT = r"frame \d{1,9}|\d{1,9}(\.\d{1,6})? ?(s|m|min|h)|(\d{1,4}:)?\d{1,4}:\d{1,2}(\.\d{1,6})?"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_GLOB = re.compile(r"[*?\[]")


class Source(Section):
    """One place that pictures are taken from. What is in it is never altered; what is unpacked lies in the store."""

    path: str = Field(
        examples=["../raw/fanart.zip"],
        description="Folder (with `metadata.jsonl` an imagefolder), glob (`../raw/**/*.png`), zip or cbz, animated gif, "
        "webp, png or avif, film, or list (csv, jsonl: `path`, `caption` or `tags`). `~` and `$NAME` may stand in it.",
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
        pattern=rf"^({_MOMENT})$",
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
        description="A frame that differs from the last one taken by no more than this (mean of 32 × 32 grey areas, 1 "
        "is black against white) is passed over. Default: 0.01 in films; in animations none is.",
        json_schema_extra=QUIET,
    )


def missing(text: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The first variable in a path that isn't set."""
    named = (match[1] or match[2] for match in _VARIABLE.finditer(text))
    return next((name for name in named if name not in environ), None)


def variables(sources: tuple[Source, ...], environ: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """The variables that the paths name, with their values."""
    named = (match[1] or match[2] for one in sources for match in _VARIABLE.finditer(one.path))
    return {name: environ.get(name) for name in named}


def place(site: Site, text: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a path leads: below the project unless it says otherwise, ``~`` and variables replaced."""
    return site.path(_VARIABLE.sub(lambda match: environ.get(match[1] or match[2], match[0]), text))


def base(path: Path) -> Path:
    """The folder above the first part of a glob that stands for several names; another path itself."""
    if path.exists() or not _GLOB.search(path.as_posix()):
        return path
    first = next(number for number, part in enumerate(path.parts) if _GLOB.search(part))
    return path.parents[len(path.parts) - 1 - first]


def kind(path: Path) -> str:
    """What a source is, by its name: ``folder``, ``glob``, ``archive``, ``film``, ``list``, ``picture``, or nothing."""
    if base(path) != path:
        return "glob"
    if path.is_dir():
        return "folder"
    ending = path.suffix.lower()
    kinds = {"archive": ARCHIVES, "film": FILMS, "list": LISTS, "picture": SUFFIXES | {".apng"}}
    return next((name for name, endings in kinds.items() if ending in endings), "")


def moment(text: str) -> tuple[int | None, float | None]:
    """A moment as a frame's number from 0, or in seconds; the other is None."""
    if text.startswith("frame "):
        return int(text.removeprefix("frame ")), None
    if ":" in text:
        whole = 0.0
        for part in text.split(":"):
            whole = whole * 60 + float(part)
        return None, whole
    number, unit = re.fullmatch(r"([\d.]+) ?([a-z]+)", text).groups()  # type: ignore[union-attr]  # the pattern says so
    return None, float(number) * {"s": 1, "m": 60, "min": 60, "h": 3600}[unit]
