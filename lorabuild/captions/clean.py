"""Replace and drop: a person's own rules for single tags."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lorabuild.captions.pattern import matcher
from lorabuild.captions.tags import Tag, spelling_key, tagged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Table = tuple[tuple[str, str], ...]
"""Tag → other tag, as pairs; an empty text drops the tag."""


def cleaned(tags: Sequence[Tag], replace: Table, drop: tuple[str, ...]) -> tuple[list[Tag], list[str]]:
    """Tags after replacing, then dropping; and the tags that fell, in their own spelling."""
    table, unwanted = _ends(replace), matcher(drop)
    kept: list[Tag] = []
    fallen: list[str] = []
    for tag in tags:
        text = table.get(tag.key, tag.text)
        if not text or unwanted(spelling_key(text)):
            fallen.append(tag.text)
        else:
            kept.append(tag if text == tag.text else tagged(text, tag.score, name=tag.name, made_of=tag.made_of))
    return kept, fallen


@lru_cache(maxsize=64)
def _ends(replace: Table) -> dict[str, str]:
    table = {spelling_key(tag): text.strip() for tag, text in replace}
    return {key: _end(key, table) for key in table}


def _end(start: str, table: Mapping[str, str]) -> str:
    """Where a chain of replacements ends; a ring ends at its first word in the alphabet."""
    path, text = [start], table[start]
    while text and (key := spelling_key(text)) in table:
        if key == path[-1]:
            return text
        if key in path:
            return min(path[path.index(key) :])
        path.append(key)
        text = table[key]
    return text
