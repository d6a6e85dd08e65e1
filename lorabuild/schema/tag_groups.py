"""The names of the shipped tag groups, ``@hair``, and what is said about one that does not exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.words import nearest
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

FOLDER = Path(__file__).parents[1] / "captions" / "groups"
_LISTS = ("absorbs", "keeps", "drop")
_NAMED = re.compile(r"@([a-z_]*[a-z])", re.IGNORECASE)


@cache
def names() -> tuple[str, ...]:
    """All groups, sorted; a file that begins with ``_`` is only there for others to include."""
    return tuple(sorted(file.stem for file in FOLDER.glob("[!_]*.txt")))


def name_of(pattern: str) -> str:
    """``hair`` for ``@hair``; empty for a pattern that names no group, as the face ``@_@``."""
    found = _NAMED.fullmatch(pattern.strip())
    return found[1].lower() if found else ""


def hint(name: str) -> str:
    """What to write instead of a name that no group has."""
    near = nearest(name, names())
    return f"did you mean `@{near}`?" if near else f"known groups: {', '.join(f'@{known}' for known in names())}"


def groups(loaded: Loaded) -> Iterator[Problem]:
    """Every pattern of a trigger or a rule that names a group which is not shipped."""
    project = loaded.project
    sections = {
        "triggers": {name: trigger.model_dump() for name, trigger in project.triggers.items()},
        "concepts": {name: concept.model_dump(by_alias=True) for name, concept in project.concepts.items()},
        "captions": project.captions.model_dump(by_alias=True),
    }
    for trail, pattern in _patterns(sections, ()):
        name = name_of(pattern)
        if name and name not in names():
            yield Problem(loaded.place(*trail), f"there is no tag group `@{name}`", hint(name))


def _patterns(value: Any, trail: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each text in a list of patterns, with its trail."""
    entries = dict(enumerate(value)) if isinstance(value, list | tuple) else value
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        here = (*trail, str(name))
        if isinstance(entry, str) and trail and trail[-1] in _LISTS:
            yield here, entry
        else:
            yield from _patterns(entry, here)
