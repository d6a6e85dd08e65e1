"""Separability: triggers that can't be told apart, tags that leak to a shared one, and what fills most of its images.

A trigger learns what all its images have in common and their captions don't say. So two triggers that always stand
together learn the same, and a tag that is taken out of every caption goes to the trigger that stands in all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.balance import remedies
from lorabuild.balance.algebra import Finding
from lorabuild.balance.sets import commonest, counts_people, listed, percent, pictures, several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.balance.sets import Cell, Sets

MOST = 0.75  # of what training sees of a trigger: what fills more becomes part of it
UNSAID = 0.5  # of what it sees of a shared trigger: a tag that is missing from so many captions leaks
EVERYWHERE = 0.9
CLEAN = 0.05  # of the looks at a tag: captions that say it so often keep a trigger clean
ENOUGH = 8  # images: below them everything fills most of them
SHOWN = 5


class Leak(NamedTuple):
    """A tag beside a shared trigger: the share of looks in which it is unsaid, and said; who takes it out."""

    unsaid: float
    said: float
    owners: frozenset[str]


def inseparable(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Triggers that stand in exactly the same images."""
    own = sets.of(trigger)
    others = tuple(name for name in sets.words if name != trigger and own and sets.of(name) == own)
    if not others:
        return
    everyone = tuple(name for name in sets.words if name in (trigger, *others))
    first = min(everyone, key=lambda name: (sets.words[name].kind != "character", everyone.index(name)))
    traits = [tag for name in everyone for tag in commonest(sets.taken(own, name))[:3]]
    mixture = f" ({listed(traits, 5)})" if traits else ""
    text = (
        f"{listed(everyone)} always stand together, in all {pictures(sets.images(own))}: each learns the same "
        f"mixture{mixture}, and none works without the other."
    )
    yield Finding(
        trigger, "inseparable", others, text, remedies.alone(sets, first, [name for name in everyone if name != first])
    )


def leaking(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Tags that several other triggers take out beside this one, so that its captions hardly ever say them."""
    groups: dict[tuple[frozenset[str], bool], list[str]] = {}
    found = _beside(sets, trigger)
    for tag, leak in found.items():
        if _leaks(sets, tag, leak):
            groups.setdefault((leak.owners, leak.unsaid >= EVERYWHERE), []).append(tag)
    for (owners, everywhere), group in sorted(groups.items(), key=lambda row: (not row[0][1], sorted(row[1]))):
        tags = commonest({tag: found[tag].unsaid for tag in group})
        by = [name for name in sets.words if name in owners]
        text = (
            f"{listed(by)} take {listed(tags)} out of {percent(found[tags[0]].unsaid)} of the captions beside "
            f"{trigger}, and hardly any says it. What no caption says goes to the word that is always there: "
            f"{trigger} alone will show it, and {listed(by)} can't be told apart by it."
        )
        things = [tag for tag in tags if not _generic(sets, tag, tags, by)]
        remedy = remedies.shared(sets, trigger, things[:SHOWN], by, everywhere=everywhere)
        yield Finding(trigger, "leaks-to-shared", tuple(tags), text, remedy)


def _leaks(sets: Sets, tag: str, leak: Leak) -> bool:
    if counts_people(tag) or leak.unsaid < UNSAID or leak.said > CLEAN * (leak.said + leak.unsaid):
        return False
    return len({sets.of(name) for name in leak.owners}) > 1  # what one trigger alone takes is its own


def _generic(sets: Sets, tag: str, leaking: list[str], owners: list[str]) -> bool:
    """Whether each owner has a tag of its own that says more: ``skirt`` where one has a red and one a blue skirt."""
    own = ({*sets.taken(sets.of(owner), owner)} - {*leaking} for owner in owners)
    return all(any(other.endswith(f"_{tag}") for other in tags) for tags in own)


def _beside(sets: Sets, trigger: str) -> dict[str, Leak]:
    """Tag → what becomes of it beside a trigger, without what the trigger itself or one like it takes."""
    own = sets.of(trigger)
    whole = sets.looks(own) or 1
    like = {name for name in sets.words if sets.of(name) == own}
    unsaid: dict[str, float] = {}
    owners: dict[str, set[str]] = {}
    for cell in (sets.cells[name] for name in sorted(own)):
        for (tag, owner), count in cell.taken.items():
            unsaid[tag] = unsaid.get(tag, 0.0) + cell.looks_at(count) / whole
            owners.setdefault(tag, set()).add(owner)
    said = _said(sets, own)
    return {
        tag: Leak(unsaid[tag], said.get(tag, 0.0), frozenset(names))
        for tag, names in owners.items()
        if not names & like
    }


def clean(sets: Sets, trigger: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(tag, concepts) of what others take out beside a trigger, and captions of these concepts say."""
    own = sorted(sets.of(trigger))
    found = []
    for tag, leak in _beside(sets, trigger).items():
        if not counts_people(tag) and leak.said > CLEAN * (leak.said + leak.unsaid):
            places = tuple(name for name in own if sets.cells[name].said.get(tag))
            found.append((-leak.unsaid, tag, places))
    return tuple((tag, places) for _, tag, places in sorted(found))


def outshone(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Another trigger that stands in most of its images, though not in all, and is elsewhere as little."""
    own = sets.of(trigger)
    for other in sets.words:
        both = own & sets.of(other)
        if own and both and own != both and sets.looks(both) > MOST * sets.looks(own):
            share, apart = sets.looks(both) / sets.looks(own), sets.images(own - both)
            text = (
                f"{other} stands beside {trigger} in {percent(share)} of what training sees of it, and only {apart} of "
                f"{pictures(sets.images(own))} show {trigger} without {other}: so it becomes part of {trigger}."
            )
            remedy = remedies.freed(sets, trigger, other, otherwise=f"add images of {trigger} without {other}")
            yield Finding(trigger, "dominated", (other,), text, remedy)


def filled(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Tags that captions say in most of its images, where it takes others out: what is always so becomes part of it.

    Of triggers of which one stands wherever the other does, the wider tells it.
    """
    own = sets.of(trigger)
    if sets.images(own) < ENOUGH or not sets.taken(own, trigger) or _told_elsewhere(sets, trigger):
        return
    shares = {tag: share for tag, share in _said(sets, own).items() if share > MOST and not counts_people(tag)}
    if not shares:
        return
    tags = commonest(shares)
    told = listed([f"{tag} ({percent(shares[tag])})" for tag in tags[:SHOWN]])
    text = (
        f"Most captions beside {trigger} say {told}: what is nearly always so becomes part of it, also where a "
        "prompt doesn't say it."
    )
    advice = f"If that belongs to {trigger}, let it absorb this; else add images of {trigger} without it."
    remedy = remedies.absorb(advice, sets.words[trigger], tags[:SHOWN])
    yield Finding(trigger, "dominated", tuple(tags), text, remedy)


def _said(sets: Sets, own: frozenset[str]) -> dict[str, float]:
    """Tag → share of the looks at these concepts whose captions say it."""
    whole = sets.looks(own) or 1
    found: dict[str, float] = {}
    for cell in (sets.cells[name] for name in sorted(own)):
        for tag, count in cell.said.items():
            found[tag] = found.get(tag, 0.0) + cell.looks_at(count) / whole
    return found


def _told_elsewhere(sets: Sets, trigger: str) -> bool:
    """An outfit leaves shoes in captions on purpose; of equal triggers the first speaks for both."""
    own, names = sets.of(trigger), list(sets.words)
    before = names[: names.index(trigger)]
    wider = any(own < sets.of(name) for name in names)
    return wider or sets.words[trigger].kind == "outfit" or any(own == sets.of(name) for name in before)


def pack(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Pictures of several characters: each must be named, and nothing but their triggers may say how many they are."""
    characters = [name for name, word in sets.words.items() if word.kind == "character" and sets.of(name)]
    if trigger not in characters or len({sets.of(name) for name in characters}) < 2:
        return
    for cell in (sets.cells[name] for name in sorted(sets.of(trigger))):
        shown = [name for name in characters if name in cell.source.triggers]
        if len(shown) > 1 and shown[0] == trigger:
            yield from _joint(sets, cell, shown)
        elif shown == [trigger]:
            yield from _unnamed(cell, trigger, characters)


def _joint(sets: Sets, cell: Cell, shown: list[str]) -> Iterator[Finding]:
    left = {tag: count for tag, count in cell.said.items() if counts_people(tag) and tag != "solo"}
    tags = tuple(sorted(tag for tag, count in left.items() if 2 * count >= cell.images))
    if tags:
        text = (
            f"The images of {listed(shown)} together ({cell.source.name}) say {listed(tags)} beside both triggers: "
            f"that becomes the word for the pair, instead of {listed(shown)}."
        )
        advice = f"Prune the count there: {shown[0]} absorbs it, so that each name stands for one of them."
        yield Finding(shown[0], "dominated", tags, text, remedies.absorb(advice, sets.words[shown[0]], tags))


def _unnamed(cell: Cell, trigger: str, characters: list[str]) -> Iterator[Finding]:
    counts = Counter(cell.said)
    counts.update({tag: count for (tag, _), count in cell.taken.items()})
    tags = tuple(sorted(tag for tag, count in counts.items() if several(tag) and 2 * count >= cell.images))
    if tags:
        text = (
            f"{listed(tags)}: most images of {cell.source.name} show more than one, and name only {trigger}, which "
            "learns the others as well."
        )
        names = [name for name in characters if name == trigger or len(characters) == 2]
        yield Finding(trigger, "dominated", tags, text, remedies.named(cell.source, names))
