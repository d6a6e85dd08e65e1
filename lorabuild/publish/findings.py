"""Everything on the page that a person should look twice at, in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance.algebra import Finding
from lorabuild.publish.page import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lorabuild.publish.upset import Learning


def words(reads: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What was found about the trigger words themselves (``contaminated-word``), as the report stage is told it."""
    return tuple(
        Finding(trigger, code, tuple(about), text, remedy)
        for trigger, code, about, text, remedy in reads.get("words", ())
    )


def aside(reads: Mapping[str, Any]) -> tuple[Note, ...]:
    """Images that were set aside."""
    return tuple(Note(entry["item"], entry["stage"], entry["problem"]) for entry in reads["aside"])


def findings(reads: Mapping[str, Any], clients: Sequence[str], learning: Learning | None) -> tuple[Note, ...]:
    """Of the file, of images and balance, of triggers. What a trigger's own finding says too is said once."""
    own = [finding for verdict in learning.answer.triggers for finding in verdict.findings] if learning else []
    said = {(finding.trigger, finding.code) for finding in own}
    return (
        *(Note("network", "client", text) for text in clients),
        *_of_balance(reads["balance"]["warnings"], said),
        *(Note(one.trigger, one.code, one.text, one.remedy, trigger=one.trigger) for one in own),
    )


def _of_balance(warnings: Iterable[Mapping[str, Any]], said: set[tuple[str, str]]) -> Iterable[Note]:
    for entry in warnings:
        if (entry["item"], entry["code"]) not in said:
            yield Note(entry["item"], entry["code"], entry["text"])
