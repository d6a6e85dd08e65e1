"""The order of tags behind the triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.captions.tags import Tag


def ordered(tags: Sequence[Tag], by: str, frequency: Mapping[str, int] | None = None) -> list[Tag]:
    """Sorted by ``score`` (best first), ``frequency`` (commonest first) or ``alphabet``; equal ones keep their place.

    ``frequency`` holds in how many images a tag is; a tag made of several is as common as the commonest of them.
    """
    if by == "alphabet":
        return sorted(tags, key=lambda tag: (tag.key, tag.text))
    if by == "frequency":
        return sorted(tags, key=lambda tag: (-_count(tag, frequency or {}), -tag.score))
    return sorted(tags, key=lambda tag: -tag.score)


def _count(tag: Tag, frequency: Mapping[str, int]) -> int:
    return max((frequency.get(text, 0) for text in (tag.text, *tag.made_of)), default=0)
