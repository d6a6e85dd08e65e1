"""Whole repeats of one concept's images, where some are shown more or less often than the rest."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.balance.request import Some


def whole(parts: Sequence[Some], unit: Fraction) -> tuple[int, ...]:
    """Repeats of each part where a picture of weight 1 gets ``unit``: rounded down, at least 1."""
    return tuple(part.repeats or max(1, floor(unit * weight(part))) for part in parts)


def looks(parts: Sequence[Some], unit: Fraction) -> int:
    """Image steps that all parts have together."""
    return sum(part.pictures * repeats for part, repeats in zip(parts, whole(parts, unit), strict=True))


def unit(parts: Sequence[Some], share: Fraction) -> Fraction:
    """What a picture of weight 1 gets of a share of the image steps, before it is rounded; 0 of nothing.

    Pictures whose repeats are said have theirs first. Those that would get less than one look get one, and the others
    share what is left.
    """
    free = [part for part in parts if part.repeats is None and part.pictures]
    left = share - sum(part.pictures * (part.repeats or 0) for part in parts)
    while free:
        found = max(Fraction(0), left / sum(part.pictures * weight(part) for part in free))
        short = [part for part in free if found * weight(part) < 1]
        if not short:
            return found
        left -= sum(part.pictures for part in short)
        free = [part for part in free if part not in short]
    return Fraction(0)


def weight(part: Some) -> Fraction:
    """A weight counts as the decimal that was written."""
    return Fraction(str(part.weight))
