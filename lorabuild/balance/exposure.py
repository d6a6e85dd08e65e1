"""How often each trigger is seen: a trigger that several concepts carry is trained by all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def exposure(
    looks: Mapping[str, int], carries: Mapping[str, Collection[str]], triggers: Iterable[str]
) -> dict[str, int]:
    """Per trigger the sum of ``looks`` (concept to image steps) over the concepts that carry it; 0 where none does."""
    return {
        trigger: sum(count for concept, count in looks.items() if trigger in carries[concept]) for trigger in triggers
    }
