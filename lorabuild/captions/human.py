"""A person's own text beside an image: it wins over the tagger and over every rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lorabuild.captions.tags import split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
