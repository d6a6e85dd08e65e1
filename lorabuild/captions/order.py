"""The order of tags behind the triggers."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.captions.tags import Tag

_COUNT = re.compile(r"(?:\d+\+?|multiple_)(?:girl|boy|other|creature|person|animal)s?|multiple_people|no_humans")


def ordered(
    tags: Sequence[Tag],
    by: str,
    frequency: Mapping[str, int] | None = None,
    places: Mapping[str, int] | None = None,
    *,
    counts_first: bool = False,
) -> list[Tag]:
    """Sorted by ``score`` (best first), ``frequency`` (commonest first), ``alphabet`` or ``original``.

    Equal ones keep their place. ``frequency`` holds in how many images a tag is, ``places`` where the tagger said it: a
    tag made of several is as common as the commonest of them and stands where the first stood.
    """
    found = _sorted(tags, by, frequency or {}, places or {})
    return sorted(found, key=lambda tag: _rank(tag.key)) if counts_first else found


def _sorted(tags: Sequence[Tag], by: str, frequency: Mapping[str, int], places: Mapping[str, int]) -> list[Tag]:
    if by == "alphabet":
        return sorted(tags, key=lambda tag: (tag.key, tag.text))
    if by == "frequency":
        return sorted(tags, key=lambda tag: (-_count(tag, frequency), -tag.score))
    if by == "original":
        return sorted(tags, key=lambda tag: min((places[text] for text in tag.made_of), default=len(places)))
    return sorted(tags, key=attrgetter("score"), reverse=True)


@lru_cache(maxsize=1 << 16)
def _rank(key: str) -> int:
    """Counts of figures, then ``solo``, then all else."""
    return 0 if _COUNT.fullmatch(key) else 1 if key == "solo" else 2


def _count(tag: Tag, frequency: Mapping[str, int]) -> int:
    return max((frequency.get(text, 0) for text in (tag.text, *tag.made_of)), default=0)
