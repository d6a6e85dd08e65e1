"""Which of a tagger's scores become tags: thresholds for general tags and for names of characters."""

from __future__ import annotations

from collections.abc import Iterable

from lorabuild.captions.tags import Tag, distinct, tagged

Scores = Iterable[tuple[str, float, str]]
"""(tag, score 0 to 1, category) as the tag stage writes them."""


def selected(scores: Scores, threshold: float, character_threshold: float) -> list[Tag]:
    """Tags at or above their threshold, best first; ratings and other categories are no part of a caption."""
    floors = {"general": threshold, "character": character_threshold}
    kept = [
        tagged(text, score, name=category == "character", made_of=(text,))
        for text, score, category in scores
        if category in floors and score >= floors[category]
    ]
    return distinct(sorted(kept, key=lambda tag: -tag.score))
