"""Pruning: a trigger absorbs the tags that its images always show, so that the word learns what they said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lorabuild.captions import groups
from lorabuild.captions.clothing import FOOTWEAR
from lorabuild.captions.kinds import absorbed
from lorabuild.captions.pattern import matcher, named_words
from lorabuild.captions.tags import Tag, wider, words
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lorabuild.schema.concepts import Trigger


@dataclass(frozen=True, slots=True)
class Absorber:
    """A trigger as captions see it.

    Attributes:
        name: the trigger's word.
        absorbs: patterns of tags that it replaces.
        keeps: patterns of tags that it leaves although ``absorbs`` matches.
        spares_footwear: an outfit: shoes stay, unless a pattern names them (pruned shoes pull towards full-body shots).
    """

    name: str
    absorbs: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    spares_footwear: bool = False

    def takes(self, key: str) -> bool:
        """Whether this trigger replaces the tag with this key."""
        patterns = _naming_footwear(self.absorbs) if self.spares_footwear and is_footwear(key) else self.absorbs
        return matcher(patterns)(key) and not matcher(self.keeps)(key)


def absorbers(triggers: Mapping[str, Trigger], names: Sequence[str]) -> tuple[Absorber, ...]:
    """A concept's triggers in their order. Raises ProjectError for a name that ``triggers:`` does not have."""
    return tuple(_absorber(name, triggers, names) for name in names)


def _absorber(name: str, triggers: Mapping[str, Trigger], beside: Sequence[str]) -> Absorber:
    if name not in triggers:
        near = nearest(name, triggers)
        hint = f"write `{near}`" if near else f"add `{name}:` to `triggers:`"
        raise ProjectError(f"there is no trigger {name!r}", where="lora.yaml triggers", next_step=hint)
    trigger = triggers[name]
    return Absorber(name, absorbed(trigger), _kept(name, triggers, beside), spares_footwear=trigger.kind == "outfit")


def _kept(name: str, triggers: Mapping[str, Trigger], beside: Iterable[str]) -> tuple[str, ...]:
    """What a trigger leaves among those of its concept: a lone character's default isn't the count of two figures."""
    trigger = triggers[name]
    figures = [other for other in beside if other in triggers and triggers[other].kind == "character"]
    lone = trigger.absorbs is None and trigger.level != "fluid" and figures == [name]
    return (*trigger.keeps, "@several_subjects") if lone else trigger.keeps


def as_key(triggers: Mapping[str, Trigger], names: Sequence[str]) -> dict[str, Any]:
    """What of a concept's triggers changes its captions: kinds and patterns, and what the named groups hold."""
    known = {name: triggers[name] for name in names}
    said: dict[str, Any] = {f"triggers.{name}.kind": trigger.kind for name, trigger in known.items()}
    said |= {f"triggers.{name}.absorbs": list(absorbed(trigger)) for name, trigger in known.items()}
    said |= {f"triggers.{name}.keeps": list(_kept(name, triggers, names)) for name in known}
    return said | groups.parts(said)


def pruned(
    tags: Sequence[Tag], triggers: Sequence[Absorber], *, endings: bool
) -> tuple[list[Tag], list[tuple[str, str]]]:
    """Tags that stay, and ``(tag, trigger)`` for each that goes; the first trigger in concept order takes it.

    ``endings``: what says less of a pruned tag goes too (``shirt`` with ``white_shirt``), unless the trigger keeps it.
    """
    owner = _owner(tuple(triggers))
    owners = {tag.key: found for tag in tags if (found := owner(tag.key))}
    if endings:
        names = {tag.key for tag in tags if tag.name}
        owners = {**_endings(owners, names, triggers), **owners}
    kept = [tag for tag in tags if tag.key not in owners]
    return kept, [(tag.text, owners[tag.key].name) for tag in tags if tag.key in owners]


@lru_cache(maxsize=256)
def _owner(triggers: tuple[Absorber, ...]) -> Callable[[str], Absorber | None]:
    """A question for a tag's key: which of the triggers takes it, the first of several?"""
    return lru_cache(maxsize=1 << 16)(lambda key: next((one for one in triggers if one.takes(key)), None))


def is_footwear(key: str) -> bool:
    """Whether a tag is about shoes."""
    return any(word in FOOTWEAR for word in words(key))


def _endings(owners: dict[str, Absorber], names: Iterable[str], triggers: Sequence[Absorber]) -> dict[str, Absorber]:
    found: dict[str, Absorber] = {}
    for trigger in reversed(triggers):
        keeps = matcher(trigger.keeps)
        taken = (ending for key, owner in owners.items() if owner is trigger for ending in wider(key))
        found |= {ending: trigger for ending in taken if not keeps(ending)}
    return {key: owner for key, owner in found.items() if key not in names}


def _naming_footwear(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(pattern for pattern in patterns if named_words(pattern) & FOOTWEAR)
