"""Where sources lead, and what they are by their names. It opens nothing and needs no pydantic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lorabuild.core.nullcheck import variable
from lorabuild.schema.suffixes import ARCHIVES, FILMS, LISTS, SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.schema.site import Site
    from lorabuild.schema.sources import Source

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_GLOB = re.compile(r"[*?\[]")


def missing(text: str) -> str | None:
    """The first variable in a path that isn't set."""
    return next((name for name in map(_name, _VARIABLE.finditer(text)) if variable(name) is None), None)


def variables(sources: tuple[Source, ...]) -> dict[str, str | None]:
    """The variables that the paths name, with their values."""
    named = (_name(match) for one in sources for match in _VARIABLE.finditer(one.path))
    return {name: variable(name) for name in named}


def place(site: Site, text: str) -> Path:
    """Where a path leads: below the project unless it says otherwise, ``~`` and variables replaced."""
    return site.path(_VARIABLE.sub(lambda match: variable(_name(match)) or match[0], text))


def _name(match: re.Match[str]) -> str:
    return str(match[1] or match[2])


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
