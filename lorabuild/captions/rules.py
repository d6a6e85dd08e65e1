"""What ``captions:`` asks for at all its levels, as one set of rules for an image, and as parts of its key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from lorabuild.captions.pattern import matcher
from lorabuild.captions.select import Thresholds, thresholds_as_dict, thresholds_of
from lorabuild.captions.synonyms import shipped
from lorabuild.captions.tags import spelling_key
from lorabuild.core.digest import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lorabuild.schema.caption_rules import Additive, CaptionRules
    from lorabuild.schema.captions import Captions

Pairs = tuple[tuple[str, str], ...]
"""Tag → other tag; an empty text drops the tag."""
Lists = tuple[tuple[str, tuple[str, ...]], ...]
"""Tag → several tags."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What ``captions:`` asks for; see ``schema.captions`` for each word. ``same`` holds the shipped synonyms too."""

    thresholds: tuple[Thresholds, ...] = (Thresholds(),)
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    replace: Pairs = ()
    split: Lists = ()
    same: Pairs = ()
    implies: Lists = ()
    style: str = "tags"
    synonyms: bool = False
    consolidate: bool = True
    names: str = "keep"
    case: str = "keep"
    underscores: str = "keep"
    escape: bool = False
    order: str = "score"
    counts_first: bool = False
    max_tokens: int | None = None


SWITCHES = (
    "style", "synonyms", "consolidate", "names", "case", "underscores", "escape", "order", "counts_first", "max_tokens",
)  # fmt: skip
"""Words of which the nearest level's counts; the others add up."""
_FIRST = ("consolidate", "order", "underscores")  # these are part of every key, for they always were
_USUAL = Rules()


def rules_of(
    settings: Captions,
    more: Sequence[CaptionRules] = (),
    implications: Mapping[str, tuple[str, ...]] | None = None,
) -> Rules:
    """The rules in ``captions:`` and in nearer levels, general ones first; without thresholds everything is kept.

    ``implications`` is the person's table, below what ``implies`` says.
    """
    said = _said(settings, more)
    replace, same = said["replace"], said["same"]
    synonyms = layered(same, shipped() if said["synonyms"] else {})
    implies = {**{spelling_key(tag): rest for tag, rest in (implications or {}).items()}, **said["implies"]}
    return Rules(
        **{name: said[name] for name in (*SWITCHES, "drop", "add")},
        thresholds=thresholds_of(settings.tagger),
        replace=tuple(sorted(replace.items())),
        same=tuple(sorted(synonyms.items())),
        split=tuple(sorted(said["split"].items())),
        implies=tuple(sorted(implies.items())),
    )


def rules_as_dict(settings: Captions, more: Sequence[CaptionRules] = ()) -> dict[str, Any]:
    """What changes a caption, for its key: thresholds are in it, the tagger's model is not; only what was asked for."""
    said = _said(settings, more)
    usual = {**{name: getattr(_USUAL, name) for name in SWITCHES}, "add": (), "split": {}, "same": {}, "implies": {}}
    asked = {name: value for name, value in usual.items() if said[name] != value or name in _FIRST}
    return {
        **thresholds_as_dict(settings.tagger),
        "drop": sorted(set(said["drop"])),
        "replace": said["replace"],
        **{name: said[name] for name in asked},
        **({"synonyms": digest(canonical(shipped()))} if said["synonyms"] else {}),
    }


def layered(*tables: Mapping[str, str]) -> dict[str, str]:
    """Tables of tag → tag as one, the nearest first: a tag that a nearer table chooses stays as it is chosen."""
    return reduce(_under, tables, {})


def _under(near: Mapping[str, str], far: Mapping[str, str]) -> dict[str, str]:
    known = {spelling_key(tag) for pair in near.items() for tag in pair}
    return {**near, **{tag: text for tag, text in far.items() if spelling_key(tag) not in known}}


def _said(settings: Captions, more: Sequence[CaptionRules]) -> dict[str, Any]:
    """Every rule word with what the levels make of it together."""
    levels: list[Additive] = [settings, *more]
    near = levels[::-1]
    found: dict[str, Any] = {name: _nearest(getattr(level, name) for level in near) for name in SWITCHES}
    found["drop"], found["add"] = _dropped_and_added(levels)
    found["replace"] = layered(*(level.replace for level in near))
    found["same"] = layered(*({other: tag for tag, others in level.same.items() for other in others} for level in near))
    for name in ("split", "implies"):
        found[name] = {spelling_key(tag): texts for level in levels for tag, texts in getattr(level, name).items()}
    return found


def _nearest(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _dropped_and_added(levels: Iterable[Additive]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All that is dropped; and what is added by a level and dropped by none that is nearer."""
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    for level in levels:
        drop += level.drop
        gone = matcher(level.drop)
        add = (*(tag for tag in add if not gone(spelling_key(tag))), *level.add)
    return drop, tuple(dict.fromkeys(add))
