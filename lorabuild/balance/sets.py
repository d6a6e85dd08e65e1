"""Concepts as sets: which triggers stand where, how often, and what captions say and leave out beside them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lorabuild.balance.algebra import Asked, Shown, Source, Word

_COUNT = re.compile(r"(?!\d+koma)(\d+\+?[a-z]{3,}|multiple_[a-z]+)")
_SEVERAL = re.compile(r"(?!\d+koma)(([2-9]|\d\d+)\+?[a-z]{3,}|multiple_[a-z]+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A concept with its images counted.

    Attributes:
        source: the concept.
        images: how many it has.
        looks: how often an epoch looks at them.
        said: tag → images whose caption says it.
        taken: (tag, trigger) → images in which the trigger took it out.
        by_hand: images with a caption by hand.
    """

    source: Source
    images: int
    looks: int
    said: Mapping[str, int]
    taken: Mapping[tuple[str, str], int]
    by_hand: int = 0

    def looks_at(self, images: int) -> float:
        """How often an epoch looks at so many of its images."""
        return self.looks * images / self.images


@dataclass(frozen=True, slots=True)
class Sets:
    """The triggers, and the concepts that have images, by name."""

    words: Mapping[str, Word]
    cells: Mapping[str, Cell]

    def of(self, trigger: str) -> frozenset[str]:
        """The concepts that show a trigger."""
        return frozenset(name for name, cell in self.cells.items() if trigger in cell.source.triggers)

    def images(self, concepts: Iterable[str]) -> int:
        """Images of several concepts."""
        return sum(self.cells[name].images for name in concepts)

    def looks(self, concepts: Iterable[str]) -> int:
        """Looks at them in an epoch."""
        return sum(self.cells[name].looks for name in concepts)

    def taken(self, concepts: Iterable[str], trigger: str) -> Counter[str]:
        """Tag → images of these concepts in which the trigger took it out."""
        found: Counter[str] = Counter()
        for cell in map(self.cells.__getitem__, concepts):
            found.update({tag: count for (tag, owner), count in cell.taken.items() if owner == trigger})
        return found

    def largest(self, concepts: Collection[str]) -> Source:
        """The one of these concepts that an epoch looks at most."""
        return self.cells[min(concepts, key=lambda name: (-self.cells[name].looks, name))].source


def sets_of(asked: Asked) -> Sets:
    """Count the images. One that no epoch shows (held out for validation) counts nowhere."""
    images: dict[str, list[Shown]] = {concept.name: [] for concept in asked.concepts}
    for image in asked.images:
        if image.repeats:
            images[image.concept].append(image)
    cells = {concept.name: _cell(concept, images[concept.name]) for concept in asked.concepts if images[concept.name]}
    return Sets({word.name: word for word in asked.words}, cells)


def _cell(source: Source, images: list[Shown]) -> Cell:
    said: Counter[str] = Counter()
    taken: Counter[tuple[str, str]] = Counter()
    for image in images:
        said.update(set(image.said))
        taken.update({(tag, trigger) for tag, trigger in image.pruned})
    most = len(images)
    return Cell(
        source,
        most,
        sum(image.repeats for image in images),
        _folded(((key(tag), count) for tag, count in said.items()), most),
        _folded((((key(tag), owner), count) for (tag, owner), count in taken.items()), most),
        sum(1 for image in images if image.by_hand),
    )


def _folded(counts: Iterable[tuple[Any, int]], most: int) -> dict[Any, int]:
    """Spellings of one tag together, in order; an image counts once."""
    found: dict[Any, int] = {}
    for name, count in sorted(counts):
        found[name] = min(most, found.get(name, 0) + count)
    return found


@lru_cache(maxsize=65536)
def key(tag: str) -> str:
    """A tag however captions spell it: ``Red (bow)`` is ``red_(bow)``, and so it is with its brackets escaped."""
    return tag.strip().replace("\\(", "(").replace("\\)", ")").replace(" ", "_").lower()


def counts_people(tag: str) -> bool:
    """Whether a tag only says how many there are: ``1girl``, ``2girls``, ``multiple_boys``, ``solo``."""
    return tag == "solo" or _COUNT.fullmatch(tag) is not None


def several(tag: str) -> bool:
    """Whether a tag says that there is more than one of them."""
    return _SEVERAL.fullmatch(tag) is not None


def commonest(counts: Mapping[str, float]) -> list[str]:
    """Tags, the commonest first, equal ones in order of the alphabet."""
    return sorted(counts, key=lambda tag: (-counts[tag], tag))


def listed(names: Iterable[str], most: int = 6) -> str:
    """``a, b and c``; of very many the first ones."""
    shown = list(names)
    shown = shown if len(shown) <= most else [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def percent(share: float) -> str:
    """``67 %``; what is not quite all is never 100 %."""
    return f"{100 if share >= 1 else min(99, round(100 * share))} %"


def pictures(number: int) -> str:
    """``1 image``, ``2 images``."""
    return f"{number} image" if number == 1 else f"{number} images"
