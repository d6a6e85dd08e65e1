"""From a budget to whole repeats: every concept gets its share of an epoch's image steps, rounded down, at least once.

All shares are exact fractions, so no order of concepts and no rounding of floats changes a repeat.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from lorabuild.balance import recipes
from lorabuild.balance.exposure import exposure
from lorabuild.balance.lint import Balanced, findings
from lorabuild.balance.repeats import looks, unit, whole
from lorabuild.balance.steps import batches, optimizer_steps
from lorabuild.balance.table import Apart, ConceptRow, Steps, Table, TriggerRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.balance.request import Concept, Request


def plan(request: Request) -> Table:
    """Repeats of every concept, exposure of every trigger, steps in all, and what to look at twice."""
    given = shares(request)
    rows = tuple(_row(concept, given[concept.name]) for concept in request.concepts)
    per_epoch = {row.name: row.per_epoch for row in rows}
    seen = exposure(per_epoch, {concept.name: concept.triggers for concept in request.concepts}, request.triggers)
    triggers = tuple(TriggerRow(name, count, count * request.epochs) for name, count in seen.items())
    in_buckets = _in_buckets(request, rows)
    return Table(
        concepts=rows,
        triggers=triggers,
        steps=_steps(request, sum(per_epoch.values()), in_buckets),
        warnings=findings(Balanced(request, rows, triggers, in_buckets)),
        batches_per_epoch=batches(in_buckets.values(), request.batch),
        regularization_per_epoch=sum(per_epoch.values()) if request.pool else 0,
    )


def shares(request: Request) -> dict[str, Fraction]:
    """Image steps an epoch for every concept: fixed repeats first, the rest by weight; none for an empty folder."""
    full = [concept for concept in request.concepts if concept.images]
    fixed = {one.name: Fraction(looks(one.parts, Fraction(one.repeats))) for one in full if one.repeats}
    free = [concept for concept in full if not concept.repeats]
    if request.steps is None:
        split = _by_recipe(request, full, free)
    else:
        rest = max(Fraction(0), Fraction(request.steps, request.epochs) - sum(fixed.values()))
        split = _by_weight(dict.fromkeys((concept.name for concept in free), Fraction(1)), free, rest)
    return {concept.name: Fraction(0) for concept in request.concepts} | fixed | split


def _by_recipe(request: Request, full: Sequence[Concept], free: Sequence[Concept]) -> dict[str, Fraction]:
    """The recipe says what the concepts get together; weights move it between them."""
    usual = recipes.shares(
        {concept.name: concept.triggers for concept in full},
        request.triggers,
        recipe=recipes.resolve(request.recipe, request.optimizer),
        epochs=request.epochs,
        scale=recipes.factor(large=request.large, min_snr=request.min_snr, retro=request.retro),
    )
    return _by_weight(usual, free, sum((usual[concept.name] for concept in free), Fraction(0)))


def _by_weight(usual: Mapping[str, Fraction], free: Sequence[Concept], steps: Fraction) -> dict[str, Fraction]:
    """Split steps in proportion to what is usual times weight. A weight counts as the decimal that was written."""
    parts = {concept.name: usual[concept.name] * Fraction(str(concept.weight)) for concept in free}
    whole = sum(parts.values())
    return {name: steps * part / whole for name, part in parts.items()}


def _row(concept: Concept, share: Fraction) -> ConceptRow:
    one = Fraction(concept.repeats) if concept.repeats else unit(concept.parts, share)
    plain, *others = whole(concept.parts, one)
    apart = tuple(
        Apart(some.pictures - some.further, repeats, some.weight, some.repeats is not None)
        for some, repeats in zip(concept.apart, others, strict=True)
    )
    if apart and not concept.buckets:  # then its line tells of the most
        plain = max(apart, key=lambda some: some.images).repeats
    pictures = concept.pictures if concept.pictures > concept.images else 0
    return ConceptRow(concept.name, concept.images, plain, looks(concept.parts, one), float(share), pictures, apart)


def _in_buckets(request: Request, rows: Sequence[ConceptRow]) -> Counter[tuple[int, int]]:
    """Image steps of an epoch in each bucket, regularization images with them."""
    counts: Counter[tuple[int, int]] = Counter()
    for concept, row in zip(request.concepts, rows, strict=True):
        times = (row.repeats, *(one.repeats for one in row.apart))
        for some, repeats in zip(concept.parts, times, strict=True):
            for width, height, count in some.buckets:
                counts[width, height] += count * repeats
    return counts + _in_turn(request.pool, counts.total())


def _in_turn(pool: Sequence[tuple[int, int, int]], looks: int) -> Counter[tuple[int, int]]:
    """How many looks each bucket has where pictures are looked at in turn; an unfinished turn is spread evenly."""
    number = sum(count for _, _, count in pool)
    drawn: Counter[tuple[int, int]] = Counter()
    before = 0
    for width, height, count in pool:
        drawn[width, height] += looks * (before + count) // number - looks * before // number
        before += count
    return drawn


def _steps(request: Request, per_epoch: int, in_buckets: Mapping[tuple[int, int], int]) -> Steps:
    doubled = 2 if request.pool else 1
    optimizer = optimizer_steps(batches(in_buckets.values(), request.batch), request.accumulation, request.epochs)
    return Steps(image=per_epoch * request.epochs * doubled, optimizer=optimizer, epochs=request.epochs)
