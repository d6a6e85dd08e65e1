"""Replace, split and drop: a person's own rules for single tags."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions.pattern import matcher
from lorabuild.captions.tags import Tag, spelling_key, tagged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


class Fate(NamedTuple):
    """What becomes of a tag: the tags in its place, and what of it was dropped."""

    kept: tuple[str, ...]
    fallen: tuple[str, ...] = ()


def cleaned(
    tags: Iterable[Tag], fate: Callable[[str], Fate | None], spared: Collection[str] = ()
) -> tuple[list[Tag], list[str]]:
    """Tags after replacing, splitting, then dropping; and the tags that fell. Those with a ``spared`` key stay."""
    kept: list[Tag] = []
    fallen: list[str] = []
    for tag in tags:
        found = fate(tag.text)
        if found is None or tag.key in spared:
            kept.append(tag)
        else:
            kept += [tagged(text, tag.score, name=tag.name, made_of=tag.made_of) for text in found.kept]
            fallen += found.fallen
    return kept, fallen


def fates(
    replace: Mapping[str, str], split: Mapping[str, Sequence[str]] | None = None, drop: tuple[str, ...] = ()
) -> Callable[[str], Fate | None]:
    """A question for a tag as it is spelled; None where it stays. Replacements and splits are followed to their end."""
    table = {spelling_key(tag): text.strip() for tag, text in replace.items()}
    ends = {key: _end(key, table) for key in table}
    parts = {spelling_key(tag): tuple(map(str.strip, texts)) for tag, texts in (split or {}).items()}
    unwanted = matcher(drop)

    @lru_cache(maxsize=1 << 16)
    def fate(tag: str) -> Fate | None:
        texts = tuple(dict.fromkeys(_split(tag, ends, parts)))
        kept = tuple(text for text in texts if text and not unwanted(spelling_key(text)))
        if kept == (tag,):
            return None
        return Fate(kept, tuple(text for text in texts if text and text not in kept) if kept else (tag,))

    return fate


def _split(
    tag: str, ends: Mapping[str, str], parts: Mapping[str, Sequence[str]], path: tuple[str, ...] = ()
) -> list[str]:
    """What stands for a tag in the end; a tag that is met inside itself stays."""
    text = ends.get(spelling_key(tag), tag)
    key = spelling_key(text)
    if key in path or key not in parts:
        return [text]
    return [piece for part in parts[key] for piece in _split(part, ends, parts, (*path, key))]


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
