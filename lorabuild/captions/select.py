"""Which of a tagger's scores become tags: thresholds by category and by tagger, or MCut; and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions.tags import Tag, distinct, spelling_key
from lorabuild.schema.parts import parts, prefix

if TYPE_CHECKING:
    from lorabuild.schema.taggers import Tagger

Scores = Iterable[Sequence[Any]]
"""(tag, score 0 to 1, category), and the tagger's place where it isn't the first, as the tag stage writes them."""

_new = tuple.__new__  # a third sooner than Tag(…), which is a function of Python; every score comes by here
LOWEST = 0.05  # the floor of the tag stage: a score that it didn't keep lies below


class Thresholds(NamedTuple):
    """What one tagger's scores must reach.

    Attributes:
        general, character: for tags of these categories.
        other: for copyright, artist, meta and the like; None leaves them out.
        mcut: MCut sets the first two, picture by picture, and never below this; None leaves them as they are.
    """

    general: float = 0.0
    character: float = 0.0
    other: float | None = None
    mcut: float | None = None


def selected(scores: Scores, thresholds: Sequence[Thresholds]) -> list[Tag]:
    """Tags at or above their threshold, best first; ratings and sentences are no tags.

    Args:
        scores: of one image.
        thresholds: of every tagger, by its place; what two of them say is one tag, with the better score.
    """
    rows = list(scores)
    floors = [_floors(rows, place, one) for place, one in enumerate(thresholds)]
    first = floors[0]
    kept = [
        _new(Tag, (spelling_key(row[0]), row[0], row[1], row[2] == "character", (row[0],)))
        for row in rows
        if row[1] >= (floors[row[3]] if len(row) > 3 else first).get(row[2], 2.0)
    ]
    return distinct(sorted(kept, key=attrgetter("score"), reverse=True))


def prose(scores: Scores) -> list[str]:
    """The sentences, in the order of their taggers."""
    return [row[0] for row in scores if row[2] == "prose"]


def mcut(scores: Iterable[float]) -> float:
    """The threshold in the middle of the widest gap between two neighbouring scores.

    ``t = (s_k + s_k+1) / 2`` with ``k = argmax(s_k - s_k+1)`` over the sorted scores. What lies below ``LOWEST`` is
    taken to lie at it, so that only a gap narrower than that can be missed.

    Source: Largeron, Moulin & Géry 2012, MCut: a thresholding strategy for multi-label classification.
    """
    falling = [*sorted(scores, reverse=True), LOWEST]
    upper, lower = max(pairwise(falling), key=lambda pair: pair[0] - pair[1], default=(LOWEST, LOWEST))
    return (upper + lower) / 2


def thresholds_of(tagger: Tagger) -> tuple[Thresholds, ...]:
    """The thresholds of ``captions.tagger``, one a tagger; of one that has none everything is kept."""
    return tuple(
        Thresholds(
            getattr(part, "threshold", 0.0),
            getattr(part, "character_threshold", 0.0),
            getattr(part, "other_threshold", None),
            part.mcut_floor if getattr(part, "mcut", False) else None,
        )
        for part in parts(tagger)
    )


def thresholds_as_dict(tagger: Tagger) -> dict[str, Any]:
    """What of the thresholds changes a caption, for its key."""
    found: dict[str, Any] = {}
    for place, one in enumerate(thresholds_of(tagger)):
        cut = {"mcut_floor": one.mcut} if one.mcut is not None else {}
        fixed = {} if cut else {"threshold": one.general, "character_threshold": one.character}
        rest = {} if one.other is None else {"other_threshold": one.other}
        found |= {f"tagger.{prefix(tagger, place)}{word}": value for word, value in (fixed | cut | rest).items()}
    return found


def _floors(rows: Sequence[Sequence[Any]], place: int, said: Thresholds) -> dict[str, float]:
    """Category → what a score must reach; a category that isn't there is no part of a caption."""
    found = {"general": said.general, "character": said.character}
    if said.mcut is not None:
        for category in found:
            own = (row[1] for row in rows if row[2] == category and (row[3] if len(row) > 3 else 0) == place)
            found[category] = max(mcut(own), said.mcut)
    return found if said.other is None else found | {"other": said.other}
