"""The trigger algebra in one call: from what is asked to a verdict on every trigger."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lorabuild.balance import enough, separable
from lorabuild.balance.algebra import Answer, Share, Verdict
from lorabuild.balance.sets import Sets, commonest, sets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lorabuild.balance.algebra import Asked, Finding


def answer(asked: Asked, more: Iterable[Finding] = ()) -> Answer:
    """What every trigger will learn, and what to look twice at; ``more`` are findings that others made."""
    sets, others = sets_of(asked), tuple(more)
    return Answer(tuple(_verdict(sets, asked, name, others) for name in sets.words), _together(sets))


def _verdict(sets: Sets, asked: Asked, trigger: str, more: tuple[Finding, ...]) -> Verdict:
    own = sets.of(trigger)
    images = sets.images(own)
    taken = sets.taken(own, trigger)
    return Verdict(
        word=sets.words[trigger],
        images=images,
        by_hand=sum(sets.cells[name].by_hand for name in own),
        absorbs=tuple(Share(tag, taken[tag] / images) for tag in commonest(taken)),
        clean=separable.clean(sets, trigger),
        findings=(*_findings(sets, asked, trigger), *(one for one in more if one.trigger == trigger)),
    )


def _findings(sets: Sets, asked: Asked, trigger: str) -> Iterator[Finding]:
    """The worst first: what can't work, what will go wrong, what may be weak."""
    yield from separable.inseparable(sets, trigger)
    yield from separable.leaking(sets, trigger)
    yield from separable.outshone(sets, trigger)
    yield from separable.pack(sets, trigger)
    yield from separable.filled(sets, trigger)
    yield from enough.images(sets, trigger)
    yield from enough.exposure(sets, asked, trigger)


def _together(sets: Sets) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Images of every combination of triggers, in their order; those of none are () ."""
    found: Counter[tuple[str, ...]] = Counter()
    for cell in sets.cells.values():
        found[tuple(name for name in sets.words if name in cell.source.triggers)] += cell.images
    place = {name: number for number, name in enumerate(sets.words)}
    return tuple(sorted(found.items(), key=lambda row: (-row[1], [place[name] for name in row[0]])))
