"""A tag on its way from the tagger to the caption, and what makes two spellings the same tag."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KAOMOJI = frozenset(
    {
        "0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3", "6_9", ">_o", "@_@",
        "^_^", "o_o", "u_u", "x_x", "|_|", "||_||",
    }
)  # fmt: skip
"""Faces whose underscore is drawn, not a space: the 19 that WD14-family taggers know."""


class Tag(NamedTuple):
    """One tag of one image; made by ``tagged``.

    Attributes:
        key: equal for all spellings of one tag.
        text: as it is spelled.
        score: 0 to 1; tags from side files have 1.
        name: whether it names a character; names are never merged with anything.
        made_of: the tagger's own tags that it came from.
    """

    key: str
    text: str
    score: float = 1.0
    name: bool = False
    made_of: tuple[str, ...] = ()


def tagged(text: str, score: float = 1.0, *, name: bool = False, made_of: tuple[str, ...] = ()) -> Tag:
    """A tag that is spelled so."""
    return Tag(spelling_key(text), text, score, name, made_of)


@lru_cache(maxsize=1 << 16)
def spelling_key(text: str) -> str:
    """Lower case, underscores for spaces: ``White Shirt`` and ``white_shirt`` are one tag."""
    return re.sub(r"[\s_]+", "_", text.strip()).lower()


@lru_cache(maxsize=1 << 16)
def words(key: str) -> tuple[str, ...]:
    """The words of a tag; a face is one word, a hyphen joins: ``off-shoulder_dress`` has two."""
    return (key,) if key in KAOMOJI else tuple(part for part in key.split("_") if part)


@lru_cache(maxsize=1 << 16)
def wider(key: str) -> frozenset[str]:
    """Every shorter tag that says less of the same thing: the proper endings of ``key`` at a word's boundary.

    ``white_shirt`` has ``shirt``, ``t-shirt`` has ``shirt``, ``chat`` has nothing. ``no_hat`` is no hat.
    """
    if key in KAOMOJI or words(key)[:1] in {("no",), ("without",)}:
        return frozenset()
    starts = [found.end() for found in re.finditer(r"[_-]+", key)]
    return frozenset(key[start:] for start in starts if start < len(key))


def distinct(tags: Iterable[Tag]) -> list[Tag]:
    """Without duplicates: the first spelling stays in its place, with the best score of all."""
    tags = list(tags)
    if len({tag.key for tag in tags}) == len(tags):
        return tags
    found: dict[str, Tag] = {}
    for tag in tags:
        first = found.setdefault(tag.key, tag)
        if tag.score > first.score:
            found[tag.key] = first._replace(score=tag.score)
    return list(found.values())


def split(text: str) -> list[str]:
    """The pieces of a comma-separated text, without the empty ones."""
    return [piece for part in text.split(",") if (piece := part.strip())]


def written(text: str, underscores: str, case: str = "keep", *, escape: bool = False) -> str:
    """How a tag stands in the caption: with its underscores or with spaces, in small letters, escaped; faces stay."""
    text = text.strip()
    if text.lower() not in KAOMOJI:
        text = text if underscores == "keep" else text.replace("_", " ")
        text = text if case == "keep" else text.lower()
    return escaped(text) if escape else text


def escaped(text: str) -> str:
    r"""As prompts of the usual clients need it, where parentheses are weights: ``saber_\(fate\)``."""
    return re.sub(r"[\\()]", r"\\\g<0>", text)


def unescaped(text: str) -> str:
    """The tag behind ``escaped``; one that never was escaped stays as it is."""
    return re.sub(r"\\([\\()])", r"\g<1>", text)


def texts(tags: Sequence[Tag]) -> tuple[str, ...]:
    """Only the words."""
    return tuple([tag.text for tag in tags])
