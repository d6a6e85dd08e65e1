"""``verify``: build aside from the inputs alone, with nothing reused, and compare what came out with the lock."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.errors import DifferenceError
from lorabuild.core.events import Emit, Event
from lorabuild.core.store import Store
from lorabuild.graph import lock as locks
from lorabuild.graph import past
from lorabuild.graph.allowed import hold_to_trust
from lorabuild.graph.build import Tally, until_still
from lorabuild.graph.difference import record_words
from lorabuild.graph.finish import content, hold_to_lock, packed
from lorabuild.graph.lineage import lend, parent_of
from lorabuild.graph.session import STORE, placed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.core.item import Result
    from lorabuild.graph.view import View
    from lorabuild.graph.wishes import Wishes
    from lorabuild.schema.loaded import Loaded

ASIDE = "verify"
EXACT = ("scan", "prepare", "caption", "balance")
"""Stages whose results are the same on every machine."""


@dataclass
class Found:
    """What a verification found.

    Attributes:
        lock: what ``lora.lock`` says.
        now: what the lock of the build aside says.
        outputs: ``[{"path", "locked", "made"}]``, sha256 hex; empty where the build stopped before the package.
        stages: ``[{"stage", "items", "compared", "differ"}]``: how many items there are, how many of them the project's
            own store holds too, so that they were compared, and the names of those that differ.
    """

    lock: dict[str, Any]
    now: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def told(self) -> dict[str, Any]:
        """On what the lock's results were made, of the stages that were built aside."""
        return {stage: made for stage, made in self.lock.get("record", {}).items() if stage in self.now["stages"]}

    @property
    def bytes_compared(self) -> bool:
        """Whether the lock was made on the same kind of machine; only then are the same bytes promised."""
        return locks.comparable(self.told, self.now["record"])

    @property
    def equal(self) -> bool:
        """Whether all that is promised came out again."""
        promised = self.outputs if self.bytes_compared else ()
        return not any(stage["differ"] for stage in self.stages) and all(
            output["locked"] == output["made"] for output in promised
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything that ``verify --json`` prints."""
        first = next((stage["stage"] for stage in self.stages if stage["differ"]), None)
        why = "" if self.bytes_compared else record_words({"record": self.told}, self.now)
        return {
            "ok": self.equal,
            "bytes_compared": self.bytes_compared,
            "why": why,
            "first": first,
            "stages": self.stages,
            "outputs": self.outputs,
        }


def verify(loaded: Loaded, wishes: Wishes, emit: Emit, *, keep: bool = False) -> dict[str, Any]:
    """Build aside and compare.

    Args:
        loaded: the checked project.
        wishes: how far it goes, whether it waits for another verification, and the date.
        emit: the sink for events.
        keep: leave the store of the build aside, ``.lorabuild/verify``, where it is.

    Returns:
        ``ok``; ``bytes_compared`` and, where they weren't, ``why``; ``first``, the first stage that differs; ``stages``
        and ``outputs`` as ``Found`` describes them.

    Raises:
        DifferenceError: there is no lock, or the project isn't what the lock was written for.
        ProjectError, StageError: as of a build.
    """
    root = loaded.site.root
    held = locks.read_lock(root)
    if held is None:
        raise DifferenceError(
            f"there is no {locks.NAME} to compare with", next_step="run `lorabuild` and commit the lock"
        )
    for one in (loaded, *loaded.variants.values()):
        hold_to_trust(one.site, wishes)
    found, aside = Found(held), root / STORE / ASIDE
    with Store(root / STORE, read_only=True) as own:
        parent = parent_of(held, own)
    alone = replace(wishes, locked=True, rehash=True, seen=None, person=None)  # nobody: no other store is asked
    alone = replace(alone, parent=parent.key if parent else None)

    def ends(
        view: View, stages: tuple[str, ...], _tally: Mapping[str, Any], _wishes: Wishes, _emit: Emit
    ) -> list[dict[str, str]]:
        """In the place of handing out: compare."""
        hold_to_lock(view, stages)
        made = packed(view.all(), stages)
        found.now = content(view, stages, past.shas(made))
        if "package" in stages:
            found.outputs = _outputs(held.get("outputs", {}), found.now["outputs"])
        with Store(root / STORE, read_only=True) as store:
            found.stages = [_compared(view, store, stage) for stage in stages]
        return []

    with placed(loaded), claim(aside, wait=wishes.wait, say=lambda text: _say(emit, text)):
        _empty(aside)
        try:
            with Store(aside) as store:
                if parent:
                    with Store(root / STORE, read_only=True) as own:
                        lend(parent, own, store)
                until_still(loaded, store, alone, Tally(), emit, ends)
        finally:
            if not keep:
                _empty(aside)
    return found.as_dict()


def _say(emit: Emit, text: str) -> None:
    emit(Event("note", data={"code": "busy", "text": text}))


def _empty(aside: Path) -> None:
    """Remove everything but the claim's own files: another process may be waiting for it."""
    for path in aside.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in ("lock", "holder"):
            path.unlink()


def _outputs(locked: Mapping[str, str], made: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"path": path, "locked": locked.get(path), "made": made.get(path)} for path in sorted({*locked, *made})]


def _compared(view: View, store: Store, stage: str) -> dict[str, Any]:
    """Compare a stage's results with those that the project's own store holds under the same keys."""
    made = {one.said(name): result for one in reversed(view.all()) for name, result in one.made(stage).items()}
    if view.variants:  # what a variant shares with the project is compared once
        made = dict({result.key: (name, result) for name, result in made.items()}.values())
    known = store.results({result.key for result in made.values()})
    pairs = {name: (known[result.key], result) for name, result in made.items() if result.key in known}
    fit = {name: pair for name, pair in pairs.items() if stage in EXACT or _same_machine(*pair)}
    differ = sorted(name for name, (then, now) in fit.items() if _what(stage, then) != _what(stage, now))
    return {"stage": stage, "items": len(made), "compared": len(fit), "differ": differ}


def _same_machine(then: Result, now: Result) -> bool:
    return locks.comparable({"": [dict(then.record)]}, {"": [dict(now.record)]})


def _what(stage: str, result: Result) -> Any:
    """What must come out again: the bytes; where a stage gives facts alone, these; how long it took is none of it."""
    return (dict(result.outputs), dict(result.facts) if stage in EXACT else {}, result.problem)
