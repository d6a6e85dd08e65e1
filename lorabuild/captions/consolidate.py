"""One thing, one tag: a tag that says less goes (`shirt` beside `white_shirt`), tags of one garment become one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lorabuild.captions.clothing import ALONE, GARMENTS, ORDER
from lorabuild.captions.tags import Tag, distinct, tagged, wider, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLACE = {word: (place, name) for place, name in reversed(list(enumerate(ORDER))) for word in ORDER[name]}
_COUNT = re.compile(r"(\d+|multiple)\+?_?(?:girl|boy|other|creature|person|people|animal)s?")


def consolidated(tags: Sequence[Tag], *, alone: bool) -> list[Tag]:
    """Distinct tags through both steps; ``alone``: the picture has ``one_figure``, so that two dresses are one."""
    narrowed = narrow(tags)
    return merge(narrowed) if alone else narrowed


def narrow(tags: Sequence[Tag]) -> list[Tag]:
    """Without tags that end another tag, word for word: ``shirt`` beside ``white_shirt``, never ``hat`` by ``chat``."""
    said = frozenset[str]().union(*[wider(tag.key) for tag in tags if not tag.name])
    return [tag for tag in tags if tag.name or tag.key not in said]


def merge(tags: Sequence[Tag]) -> list[Tag]:
    """``white_dress`` and ``turtleneck_dress`` become ``white_turtleneck_dress``, at the place of the first.

    Only garments, only words that describe one, and only when nothing contradicts: two colours are two garments.
    """
    groups: dict[str, list[Tag]] = {}
    for tag in tags:
        if not tag.name and (thing := garment(tag.key)):
            groups.setdefault(thing, []).append(tag)
    one = {tag.key: _one(group) for group in groups.values() if len(group) > 1 and agree(group) for tag in group}
    return distinct(one.get(tag.key, tag) for tag in tags) if one else list(tags)


@lru_cache(maxsize=1 << 16)
def garment(key: str) -> str:
    """The garment that a tag names behind nothing but describing words; empty for other tags."""
    *before, last = words(key) or ("",)
    return last if last in GARMENTS and before and all(word in _PLACE for word in before) else ""


def agree(group: Iterable[Tag]) -> bool:
    """Whether tags of the same garment can be about one piece: no second length, shade, colour or pattern."""
    said: dict[str, tuple[str, ...]] = {}
    for tag in group:
        for name, found in _unshared(tag.key):
            if said.setdefault(name, found) != found:
                return False
    return True


@lru_cache(maxsize=1 << 16)
def _unshared(key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Length, shade, colour and pattern as a tag gives them."""
    said = ((name, tuple(word for word in words(key)[:-1] if _PLACE[word][1] == name)) for name in ALONE)
    return tuple((name, found) for name, found in said if found)


def one_figure(tags: Iterable[Tag]) -> bool:
    """Whether one figure is in the picture, by its count tags: ``1girl``; not ``2girls`` or ``1girl`` with ``1boy``."""
    return sum(map(_figures, {tag.key for tag in tags})) < 2


@lru_cache(maxsize=1 << 16)
def _figures(key: str) -> int:
    """How many figures a tag counts."""
    found = _COUNT.fullmatch(key)
    return 0 if found is None else 2 if found[1] == "multiple" else int(found[1])


def _one(group: Sequence[Tag]) -> Tag:
    """The tag that says what all of them say; its words stand in the order of ``ORDER``, whatever came first."""
    head = words(group[0].key)[-1]
    said = {word for tag in group for word in words(tag.key)[:-1]}
    describing = sorted(said, key=lambda word: (_PLACE[word][0], word))
    gap = "_" if any("_" in tag.text for tag in group) else " "
    made_of = tuple(dict.fromkeys(text for tag in group for text in tag.made_of))
    return tagged(gap.join([*describing, head]), max(tag.score for tag in group), made_of=made_of)
