"""From scores to a caption: select, rules, prune, consolidate, order; triggers first. A person's text comes last.

The order is fixed: thresholds; names; then, until nothing new comes up: replace, synonyms, split, drop, what is
implied, what triggers absorb, consolidate; then order, a person's ``+tag`` and ``-tag``, spelling, sentences,
``max_tokens``. Tags of ``add`` come in at the start and are spared replacing and dropping; what a person added with
``+`` stands as it was written; triggers stand in front whatever happens. Within ``max_tokens`` sentences come before
tags: as many whole ones as fit, of a first one that is too long its first words; then tags, of which the last ones go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions import human
from lorabuild.captions.clean import Fate, cleaned, fates
from lorabuild.captions.consolidate import consolidated, one_figure
from lorabuild.captions.implied import implications, unsaid
from lorabuild.captions.order import ordered
from lorabuild.captions.prune import Absorber, pruned
from lorabuild.captions.rules import Rules, layered
from lorabuild.captions.select import Scores, prose, selected
from lorabuild.captions.sentences import shortened
from lorabuild.captions.tags import Tag, distinct, spelling_key, tagged, texts, unescaped, written
from lorabuild.captions.tokens import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Caption:
    """A finished caption and what became of the tags.

    Attributes:
        text: what the model is trained on.
        tags: what stands in it behind the triggers, in order, without sentences.
        pruned: (tag, the trigger that absorbed it).
        dropped: tags that a rule of the person dropped.
        human: whether a person wrote it, or edited it.
        prose: sentences behind the tags, as far as there is room.
        cut: tags that ``max_tokens`` left no room for.
    """

    text: str
    tags: tuple[str, ...]
    pruned: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    human: bool = False
    prose: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


class _Settled(NamedTuple):
    """Tags after all rules, and what became of the others."""

    tags: list[Tag]
    absorbed: list[tuple[str, str]]
    dropped: list[str]


def caption(
    scores: Scores,
    rules: Rules,
    triggers: Sequence[Absorber] = (),
    override: str | None = None,
    frequency: Mapping[str, int] | None = None,
    count: Callable[[str], int] | None = None,
    *,
    lines: bool = False,
) -> Caption:
    """The caption of one image.

    Args:
        scores: (tag, score, category) of the tagger.
        rules: from ``rules_of``.
        triggers: of the image's concept, in concept order; from ``prune.absorbers``.
        override: a person's text beside the image; it replaces or edits, missing triggers are put in front.
        frequency: in how many images a tag is, for ``order: frequency``.
        count: tokens of a text, for ``max_tokens``.
        lines: whether each line of a person's text is a caption of its own; else they are one line.
    """
    names = list(dict.fromkeys(trigger.name for trigger in triggers))
    edit = human.Override(None) if override is None else human.parsed(override)
    if edit.text is not None:
        text = (human.by_lines if lines else human.with_triggers)(edit.text, names)
        return Caption(text, human.tags_of(text.replace("\n", ", "), names), human=True)
    scores = list(scores)
    said = [" ".join(text.split()) for text in prose(scores)] if rules.style != "tags" else []
    instead = rules.style == "prose" and said  # of tags, and of all that rules make of them
    tags, absorbed, dropped = _Settled([], [], []) if instead else _settled(scores, rules, triggers)
    places = {row[0]: place for place, row in enumerate(scores)} if rules.order == "original" else None
    tags = ordered(tags, rules.order, frequency, places, counts_first=rules.counts_first)
    tags, added = _edited(tags, edit, names, escape=rules.escape)
    spelled = _spelling(rules.underscores, rules.case, rules.escape)
    shown = [spelled(text) for text in texts(tags)]
    if rules.max_tokens is None or count is None:
        room = len(shown)
    else:
        room, said = _within(rules.max_tokens, count, names, shown, added, said)
    stand = (*shown[:room], *added)
    made = ", ".join([*names, *stand, *said])
    by_hand = override is not None
    return Caption(made, stand, tuple(absorbed), tuple(dropped), by_hand, tuple(said), tuple(shown[room:]))


def _settled(scores: Scores, rules: Rules, triggers: Sequence[Absorber]) -> _Settled:
    """Tags after all rules. A merged tag meets the rules again, so that they can name it; each turn has fewer tags."""
    fate, implied, extra = _ways(rules)
    made = rules.replace or rules.same or rules.split or rules.add  # of these may come a count of figures
    tags = selected(scores, rules.thresholds)
    alone, own = one_figure(tags), {spelling_key(trigger.name) for trigger in triggers}
    dropped: list[str] = []
    absorbed: list[tuple[str, str]] = []
    if rules.escape:
        tags = [_plain(tag) if "\\" in tag.text else tag for tag in tags]
    if rules.names == "drop":
        dropped += [tag.text for tag in tags if tag.name and tag.key not in own]
        tags = [tag for tag in tags if not tag.name]
    tags = [*extra.values(), *tags] if extra else tags
    while True:
        tags, fallen = cleaned(tags, fate, extra)
        alone = alone and (not made or one_figure(tags))
        tags, over = unsaid(distinct(tags), implied) if rules.implies else (distinct(tags), [])
        tags, taken = pruned([tag for tag in tags if tag.key not in own], triggers, endings=rules.consolidate)
        absorbed += taken
        dropped += fallen + over
        known = {tag.key for tag in tags}
        tags = consolidated(tags, alone=alone) if rules.consolidate else tags
        if known >= {tag.key for tag in tags}:  # nothing new that a rule could name
            return _Settled(tags, absorbed, dropped)


def _plain(tag: Tag) -> Tag:
    """A tag that was escaped already, as it is called."""
    return tagged(unescaped(tag.text), tag.score, name=tag.name, made_of=tag.made_of)


@lru_cache(maxsize=256)
def _ways(
    rules: Rules,
) -> tuple[Callable[[str], Fate | None], Callable[[str], frozenset[str]], dict[str, Tag]]:
    """What the rules make of single tags: their fate, what they imply; and the tags that come in, by key."""
    replace = layered(dict(rules.replace), dict(rules.same))
    extra = {spelling_key(text): tagged(text) for text in map(str.strip, rules.add)}
    return fates(replace, dict(rules.split), rules.drop), implications(dict(rules.implies)), extra


def _edited(
    tags: list[Tag], edit: human.Override, names: Sequence[str], *, escape: bool
) -> tuple[list[Tag], list[str]]:
    """Tags without those that a person's edit names, as a tag or as captions show it; and the tags that it adds.

    A trigger is neither.
    """
    if not edit.added and not edit.removed:
        return tags, []
    own = {spelling_key(name) for name in names}
    added = {spelling_key(text): text for text in edit.added if spelling_key(text) not in own}
    named = (*edit.removed, *added.values())
    gone = {spelling_key(text) for text in (*named, *(map(unescaped, named) if escape else ()))}
    return [tag for tag in tags if tag.key not in gone], list(added.values())


@cache
def _spelling(underscores: str, case: str, escape: bool) -> Callable[[str], str]:
    return lru_cache(maxsize=1 << 16)(lambda text: written(text, underscores, case, escape=escape))


def _within(
    most: int,
    count: Callable[[str], int],
    names: Sequence[str],
    tags: Sequence[str],
    added: Sequence[str],
    said: Sequence[str],
) -> tuple[int, list[str]]:
    """How many tags fit into so many tokens, and the sentences that do; these have the first choice."""

    def size(number: int, last: Sequence[str]) -> int:
        return count(", ".join([*names, *tags[:number], *added, *last]))

    kept = shortened(said, partial(size, 0), most)
    return fitting(lambda number: size(number, kept), len(tags), most), kept
