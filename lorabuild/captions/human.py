"""A person's own text beside an image: it wins over the tagger and over every rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions.tags import KAOMOJI, spelling_key, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FACES = KAOMOJI | {"-_-"}
"""Tags that begin with a sign and are no edit."""


class Override(NamedTuple):
    """What a person's text does to the generated caption.

    Attributes:
        text: stands in its place; None where it is only edited.
        added: tags that come in, in order.
        removed: tags that go.
    """

    text: str | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def parsed(text: str) -> Override:
    """An edit, where every line and every piece between commas is ``+tag`` or ``-tag``; else the text replaces.

    A face such as ``+_+`` is no edit; ``++_+`` adds it. Of two edits of one tag the last counts.
    """
    pieces = [piece for line in text.removeprefix("\ufeff").splitlines() for piece in split(line)]
    edits = {spelling_key(piece[1:]): (piece[0], piece[1:].strip()) for piece in pieces if _is_edit(piece)}
    if not pieces or not all(map(_is_edit, pieces)):
        return Override(text)
    told = {sign: tuple(tag for given, tag in edits.values() if given == sign) for sign in "+-"}
    return Override(None, told["+"], told["-"])


def _is_edit(piece: str) -> bool:
    tag = piece[1:].strip()
    return piece[0] in "+-" and piece not in _FACES and (tag in _FACES or bool(tag.strip("+-_ ")))


def with_triggers(text: str, triggers: Sequence[str]) -> str:
    """The text with the missing triggers in front; not a letter of it is changed.

    Triggers that the text begins with stay in front, all in concept order. One inside a sentence is not missing.
    Line ends and the blanks around them read as one blank: a caption is one line.
    """
    line = re.sub(r"\s*[\r\n]+\s*", " ", text.removeprefix("\ufeff")).strip()
    if all(says(line, trigger) for trigger in triggers):
        return line
    first, rest = _leading(line, triggers)
    front = [trigger for trigger in triggers if trigger in first or not says(line, trigger)]
    return ", ".join([*front, rest] if rest else front)


def by_lines(text: str, triggers: Sequence[str]) -> str:
    """Each line as a caption of its own, the triggers in front of every one; empty lines fall away."""
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    return "\n".join(with_triggers(line, triggers) for line in lines or [""])


def without(text: str, triggers: Mapping[str, str]) -> str:
    """The text as the base knows it: each trigger is its class word, or left out where that is empty; none comes twice.

    ``triggers`` is trigger → class word.
    """
    for trigger in sorted(triggers, key=len, reverse=True):
        text = _word(trigger).sub(triggers[trigger].replace("\\", r"\\"), text)
    return ", ".join(dict.fromkeys(" ".join(piece.split()) for piece in split(text)))


def _word(trigger: str) -> re.Pattern[str]:
    """A trigger as a word of its own."""
    return re.compile(rf"(?<![\w-]){re.escape(trigger)}(?![\w-])", re.IGNORECASE)


def says(text: str, trigger: str) -> bool:
    """Whether a text has a trigger as a word of its own: ``zorbl`` is in ``a zorbl, red`` and not in ``zorbl_cape``."""
    return _word(trigger).search(text) is not None


def tags_of(text: str, triggers: Sequence[str]) -> tuple[str, ...]:
    """The comma-separated pieces of a text, without those that are triggers."""
    known = {trigger.lower() for trigger in triggers}
    return tuple(dict.fromkeys(piece for piece in split(text) if piece.lower() not in known))


def _leading(line: str, triggers: Sequence[str]) -> tuple[set[str], str]:
    """The triggers that a text begins with, and the text behind them."""
    known = {trigger.lower(): trigger for trigger in triggers}
    first: set[str] = set()
    while (trigger := known.get(line.partition(",")[0].strip().lower())) and trigger not in first:
        first.add(trigger)
        line = line.partition(",")[2].lstrip()
    return first, line
