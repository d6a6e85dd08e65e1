"""How often tags stand in captions, in all and in every concept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions.tags import spelling_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Row(NamedTuple):
    """One tag.

    Attributes:
        tag: as it is spelled most often.
        images: how many have it.
        share: of all images, 0 to 1.
        concepts: concept → how many of its images have it, for those that do.
    """

    tag: str
    images: int
    share: float
    concepts: dict[str, int]


def table(images: Sequence[tuple[str, Iterable[str]]]) -> list[Row]:
    """Every tag, the commonest first; of equal ones the first in the alphabet. An image is its concept and its tags."""
    spellings: dict[str, Counter[str]] = {}
    counts: dict[str, Counter[str]] = {}
    for concept, tags in images:
        for key, text in {spelling_key(text): text for text in tags}.items():
            spellings.setdefault(key, Counter())[text] += 1
            counts.setdefault(key, Counter())[concept] += 1
    keys = sorted(counts, key=lambda key: (-counts[key].total(), key))
    return [_row(spellings[key], counts[key], len(images)) for key in keys]


def _row(spellings: Counter[str], counts: Counter[str], images: int) -> Row:
    spelled = min(spellings, key=lambda text: (-spellings[text], text))
    return Row(spelled, counts.total(), counts.total() / images, dict(sorted(counts.items())))
