"""A filter over tags: ``cape and not (night or *_background)``. Words and wildcards, ``and``, ``or``, ``not``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from lorabuild.captions.pattern import matcher
from lorabuild.core.errors import ProjectError

Filter = Callable[[Collection[str]], bool]
"""Asked with the keys of an image's tags."""

DEEPEST = 100
_WORDS = {"and", "or", "not"}
# a bracket within a word belongs to the tag, as in saber_(fate)
_TOKEN = re.compile(
    r'\s*(?:((?:and|or|not)(?=[\s()"]|$)|[()])|"([^"]*)"|([^\s()"]+(?:\([^\s()"]*\)[^\s()"]*)*))', re.IGNORECASE
)


class _Token(NamedTuple):
    """A sign or word of the language, or a tag; ``place`` is its first letter."""

    place: int
    sign: str
    tag: str


def parse(text: str) -> Filter:
    """What an image's tags must be like. ``not`` binds more than ``and``, that more than ``or``.

    Words side by side are one tag (``red cape``); a tag that is a word of the language stands in quotes (``"not"``).
    Raises ProjectError that points at the place.
    """
    reader = _Reader(text, _tokens(text))
    found = reader.alternatives()
    if reader.now.sign or reader.now.tag:
        raise _wrong(text, reader.now.place, "nothing may follow here but `and` or `or`")
    return found


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            quote = text.index('"', place)
            raise _wrong(text, quote, "this quote is never closed")
        sign, quoted, word = match.groups()
        begin = match.end() - len(match.group().lstrip())
        if sign is None and not (quoted or word or "").strip():
            raise _wrong(text, begin, "these quotes hold no tag")
        found.append(_Token(begin, (sign or "").lower(), quoted or word or ""))
        place = match.end()
    return [*found, _Token(end, "", "")]


@dataclass
class _Reader:
    """One walk through the tokens; the last of them is the end."""

    text: str
    tokens: list[_Token]
    at: int = 0
    depth: int = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def alternatives(self) -> Filter:
        parts = [self.conjunction()]
        while self.now.sign == "or":
            self.at += 1
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else lambda tags: any(part(tags) for part in parts)

    def conjunction(self) -> Filter:
        parts = [self.negation()]
        while self.now.sign == "and":
            self.at += 1
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else lambda tags: all(part(tags) for part in parts)

    def negation(self) -> Filter:
        turned = False
        while self.now.sign == "not":
            self.at, turned = self.at + 1, not turned
        found = self.bracket() if self.now.sign == "(" else self.tag()
        return (lambda tags: not found(tags)) if turned else found

    def bracket(self) -> Filter:
        opened = self.now.place
        self.at, self.depth = self.at + 1, self.depth + 1
        if self.depth > DEEPEST:
            raise _wrong(self.text, opened, "too many brackets")
        found = self.alternatives()
        if self.now.sign != ")":
            raise _wrong(self.text, opened, "this bracket is never closed")
        self.at, self.depth = self.at + 1, self.depth - 1
        return found

    def tag(self) -> Filter:
        words: list[str] = []
        while self.now.tag:
            words.append(self.now.tag)
            self.at += 1
        if not words:
            raise _wrong(self.text, self.now.place, "a tag is missing here")
        matches = matcher((" ".join(words),))
        return lambda tags: any(map(matches, tags))


def _wrong(text: str, place: int, what: str) -> ProjectError:
    return ProjectError(
        f"{what}\n  {text}\n  {' ' * place}^",
        where="command line",
        next_step="write for example: `cape and not (night or *_background)`",
    )
