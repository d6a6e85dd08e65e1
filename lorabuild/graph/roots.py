"""What gc leaves alone and why: the project as it stands, lora.lock's package, the last builds, pinned ones, leases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest
from lorabuild.core.errors import BlobError
from lorabuild.core.sweep import Root
from lorabuild.graph import looks, reporting
from lorabuild.graph.column import split
from lorabuild.graph.lock import read_lock
from lorabuild.graph.order import STAGES
from lorabuild.graph.past import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lorabuild.core.holdings import Holdings
    from lorabuild.core.store import Store
    from lorabuild.graph.view import View

_KEY = 32


@dataclass(frozen=True, slots=True)
class Roots:
    """The roots, in the order in which what they share is counted.

    Attributes:
        present: what the project needs as it stands, and the package that lora.lock names.
        builds: build number → root, newest first.
        least: so many of them stay whatever the store takes: the last that handed out a LoRA, and those that are young.
        firm: pinned builds – files that lay in the output folder and were made by nobody knows whom are –, leases.
    """

    present: tuple[Root, ...]
    builds: dict[int, Root]
    least: int
    firm: tuple[Root, ...]

    def first(self, count: int) -> tuple[Root, ...]:
        """All roots, with so many of the builds."""
        return (*self.present, *list(self.builds.values())[:count], *self.firm)


def roots(view: View, held: Holdings, keep: int, grace: float, leased: Iterable[str]) -> Roots:
    """The roots of a project.

    Args:
        view: the project as it stands.
        held: what its store holds.
        keep: so many builds that handed out a LoRA are kept, with those between and after them.
        grace: builds that were made within so many seconds are kept, too.
        leased: digests under lease.
    """
    history = {row["number"]: row for row in view.store.history()}
    found = [number for number, row in history.items() if row.get("found")]
    built = [number for number in history if number not in found]
    lasting = [number for number in built if history[number].get("outputs")] or built
    oldest = lasting[-keep] if len(lasting) >= keep else 0
    young = {number for number in built if history[number].get("made", 0) > time.time() - grace}
    why = dict.fromkeys(found, "files that were not made here")
    firm = [(number, why.get(number, "pinned")) for number in pinned(view.store) if number in history]
    kept = sorted((number for number in built if number >= oldest or number in young), reverse=True)
    return Roots(
        (_present(view), _locked(view, held)),
        {number: _build(view.store, history[number]) for number in kept},
        sum(1 for number in kept if number >= lasting[-1] or number in young),
        (
            *(_build(view.store, history[number], why) for number, why in firm),
            Root("in use by a reader", (), frozenset(_raw(name) for name in leased)),
        ),
    )


def _present(view: View) -> Root:
    """Every key that is known now; a build right after gc has no more to do than one before it.

    What each of several taggers said by itself stays, too: it is what another choice of them is made of. So does what
    pictures look like, and what a person asked for that the report tells of.
    """
    found = {key for one in view.all() for stage in STAGES for key in split(one.raw_keys(stage))}
    parts = (part for one in view.all() for item in one.step("tag").items for part in item.reads.get("of", ()))
    seen = (key for one in view.all() for key in (*looks.keys(one), *reporting.keys(one)))
    raw = [_raw(key) for key in (*(part["key"] for part in parts), *seen)]
    return Root("the project as it stands", frozenset(found.union(raw)))


def _locked(view: View, held: Holdings) -> Root:
    """The package that lora.lock stands for, where that is another one."""
    lock = read_lock(view.site.root) or {}
    roots = {(lock.get("stages", {}).get("package") or {}).get("root")}
    roots |= {entry.get("stages", {}).get("package") for entry in lock.get("variants", {}).values()}
    packed = (key for key, made in held.results.items() if made.stage == "package")
    return Root("lora.lock", frozenset(key for key in packed if digest(key) in roots))


def _build(store: Store, row: dict[str, Any], why: str = "") -> Root:
    """What a build made and handed out, as far as its row in the history says (older rows say less)."""
    lists = row.get("keys", {}).values()
    named = {*row.get("blobs", {}).values(), *lists, row.get("lock"), row.get("manifest")} - {None}
    keys: set[bytes] = set()
    for name in lists:
        try:
            raw = store.read(name)
        except BlobError:
            why = "its list of results is lost"
            continue
        keys |= {raw[start : start + _KEY] for start in range(0, len(raw), _KEY)}
    said = f"build {row['number']}" + (f", {why}" if why else "")
    return Root(said, frozenset(keys), frozenset(_raw(name) for name in named))


def _raw(name: str) -> bytes:
    return bytes.fromhex(name.removeprefix("b3:"))
