"""``triggers``: the trigger algebra of a project as it stands, also before anything was built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.balance.asking import asked
from lorabuild.balance.verdict import answer
from lorabuild.captions.kinds import absorbed
from lorabuild.core.errors import ProjectError
from lorabuild.graph import balancing, lexicon
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import captioned, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.balance.algebra import Answer, Finding
    from lorabuild.graph.view import View

NOTHING: Mapping[str, Any] = {"tags": (), "pruned": ()}


class Told(NamedTuple):
    """The answer, images without an up-to-date caption (counted, but nothing is known of their tags), and notes."""

    answer: Answer
    waiting: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """What ``triggers --json`` prints."""
        return {**self.answer.as_dict(), "waiting": self.waiting, "notes": list(self.notes)}


def told(view: View, *, probe: bool = False) -> Told:
    """What every trigger will learn. With ``probe`` the base model is asked about their words, which takes a while."""
    captions, table, held = captioned(view), balancing.table(view), held_out(view)
    used = [member for member in members(view) if not member.twin]
    rows = [
        {
            **captions.get(member.id, NOTHING),
            "concept": member.concept,
            "repeats": 0 if member.id in held else balancing.looks(view, member),
        }
        for member in used
    ]
    words, notes = _words(view, probe=probe)
    absorbs = {name: absorbed(trigger) for name, trigger in view.project.triggers.items()}
    found = answer(asked(view.project, rows, table.as_dict()["triggers"], absorbs), words)
    return Told(found, sum(1 for member in used if member.id not in captions), notes)


def _words(view: View, *, probe: bool) -> tuple[list[Finding], tuple[str, ...]]:
    """What the trigger words mean already; a base whose tokenizer can't be read is only a note, unless it is probed."""
    try:
        return lexicon.findings(view, probe=probe), lexicon.answered(view) if probe else ()
    except ProjectError as error:
        if probe:
            raise
        return [], (f"the words themselves were not looked at: {error.what}",)
