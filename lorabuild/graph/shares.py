"""Which images of its folder a concept takes: by their content, so that no other image and no name matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.counted import unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.concepts import Concept

Span = tuple[float, float]
WHOLE: Span = (0.0, 1.0)


def spans(concepts: Mapping[str, Concept]) -> dict[str, Span]:
    """Concept → the numbers in [0, 1) that it takes. A share begins at 0, or where the one ends whose rest it is of.

    Shares of 0.5 and 0.2 of one folder both begin at 0: the larger one holds the smaller one.
    """
    found: dict[str, Span] = {}
    for name in concepts:
        _span(name, concepts, found)
    return found


def _span(name: str, concepts: Mapping[str, Concept], found: dict[str, Span]) -> Span:
    if name not in found:
        concept = concepts[name]
        first = _span(concept.rest_of, concepts, found)[1] if concept.rest_of else 0.0
        found[name] = (first, first + concept.share * (1.0 - first) if concept.share < 1 else 1.0)
    return found[name]


def takes(span: Span, pixels: str) -> bool:
    """Whether a concept with these numbers takes the image with these pixels, as they lie in the file."""
    return span[0] <= unit("share of a folder", pixels) < span[1]
