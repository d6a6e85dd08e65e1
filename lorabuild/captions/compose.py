"""From scores to a caption: select, replace, drop, prune, consolidate, order; triggers first. A person's text wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.captions import human
from lorabuild.captions.clean import Table, cleaned
from lorabuild.captions.consolidate import consolidated, one_figure
from lorabuild.captions.order import ordered
from lorabuild.captions.prune import Absorber, pruned
from lorabuild.captions.select import Scores, selected
from lorabuild.captions.tags import Tag, distinct, spelling_key, texts, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.schema.captions import Captions


@dataclass(frozen=True, slots=True)
class Rules:
    """What ``captions:`` asks for; see ``schema.captions`` for each word."""

    threshold: float = 0.0
    character_threshold: float = 0.0
    drop: tuple[str, ...] = ()
    replace: Table = ()
    consolidate: bool = True
    order: str = "score"
    underscores: str = "keep"


@dataclass(frozen=True, slots=True)
class Caption:
    """A finished caption and what became of the tags.

    Attributes:
        text: what the model is trained on.
        tags: what stands in it behind the triggers, in order.
        pruned: (tag, the trigger that absorbed it).
        dropped: tags that a rule of the person dropped.
        human: whether a person wrote it.
    """

    text: str
    tags: tuple[str, ...]
    pruned: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    human: bool = False


def caption(
    scores: Scores,
    rules: Rules,
    triggers: Sequence[Absorber] = (),
    override: str | None = None,
    frequency: Mapping[str, int] | None = None,
) -> Caption:
    """The caption of one image.

    Args:
        scores: (tag, score, category) of the tagger.
        rules: from ``rules_of``.
        triggers: of the image's concept, in concept order; from ``prune.absorbers``.
        override: a person's text beside the image; it wins, missing triggers are put in front.
        frequency: in how many images a tag is, for ``order: frequency``.
    """
    names = [trigger.name for trigger in triggers]
    if override is not None:
        text = human.with_triggers(override, names)
        return Caption(text, human.tags_of(text, names), human=True)
    tags, absorbed, dropped = _settled(scores, rules, triggers)
    shown = [written(text, rules.underscores) for text in texts(ordered(tags, rules.order, frequency))]
    return Caption(", ".join([*dict.fromkeys(names), *shown]), tuple(shown), tuple(absorbed), tuple(dropped))


def _settled(
    scores: Scores, rules: Rules, triggers: Sequence[Absorber]
) -> tuple[list[Tag], list[tuple[str, str]], list[str]]:
    """Tags after all rules. A merged tag meets the rules again, so that they can name it; each turn has fewer tags."""
    tags = selected(scores, rules.threshold, rules.character_threshold)
    alone, own = one_figure(tags), {spelling_key(trigger.name) for trigger in triggers}
    absorbed: list[tuple[str, str]] = []
    dropped: list[str] = []
    while True:
        tags, fallen = cleaned(tags, rules.replace, rules.drop)
        tags = [tag for tag in distinct(tags) if tag.key not in own]
        tags, taken = pruned(tags, triggers, endings=rules.consolidate)
        absorbed += taken
        dropped += fallen
        merged = consolidated(tags, alone=alone) if rules.consolidate else tags
        if merged == tags:
            return tags, absorbed, dropped
        tags = merged


def rules_of(settings: Captions) -> Rules:
    """The rules in ``captions:``; a tagger without thresholds has everything kept."""
    return Rules(
        threshold=getattr(settings.tagger, "threshold", 0.0),
        character_threshold=getattr(settings.tagger, "character_threshold", 0.0),
        drop=settings.drop,
        replace=tuple(sorted(settings.replace.items())),
        consolidate=settings.consolidate,
        order=settings.order,
        underscores=settings.underscores,
    )


def rules_as_dict(settings: Captions) -> dict[str, Any]:
    """What of ``captions:`` changes a caption, for its key: thresholds are in it, the tagger's model is not."""
    rules = rules_of(settings)
    return {
        "tagger.threshold": rules.threshold,
        "tagger.character_threshold": rules.character_threshold,
        "drop": sorted(set(rules.drop)),
        "replace": dict(rules.replace),
        "consolidate": rules.consolidate,
        "order": rules.order,
        "underscores": rules.underscores,
    }
