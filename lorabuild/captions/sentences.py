"""Sentences that have to be shorter: whole ones as long as they fit, else the first words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lorabuild.captions.tokens import fitting
from lorabuild.core.sentences import END, LOOSE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SENTENCE = re.compile(f"{END}|$")
_WORD = re.compile(r"\S(?=\s|$)")


def shortened(texts: Sequence[str], size: Callable[[Sequence[str]], int], most: int) -> list[str]:
    """As many whole sentences as fit, from the first on; where not one does, as many words.

    Args:
        texts: of one or several sentences each.
        size: tokens of the caption that ends in such texts.
        most: tokens that it may have.
    """
    if size(texts) <= most:
        return [*texts]
    return _begun(texts, _SENTENCE, size, most) or _begun(texts, _WORD, size, most)


def _begun(texts: Sequence[str], end: re.Pattern[str], size: Callable[[Sequence[str]], int], most: int) -> list[str]:
    """The texts up to the last end that fits; nothing where none does."""
    ends = [(place, found.end()) for place, text in enumerate(texts) for found in end.finditer(text)]

    def begun(number: int) -> list[str]:
        if not number:
            return []
        place, stop = ends[number - 1]
        return [text for text in (*texts[:place], texts[place][:stop].rstrip(LOOSE)) if text]

    return begun(fitting(lambda number: size(begun(number)), len(ends), most))
