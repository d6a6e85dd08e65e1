"""``gc``: what nothing needs any more leaves the store; ``verify --store``: every blob is read and compared."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.errors import StoreError
from lorabuild.core.events import Emit, Event
from lorabuild.core.holdings import look
from lorabuild.core.lease import closed, leased
from lorabuild.core.nullindex import drop_indexes
from lorabuild.core.proof import prove, put_aside
from lorabuild.core.store import Store
from lorabuild.core.sweep import carry_out, choose
from lorabuild.graph import unfolded
from lorabuild.graph.inventory import take
from lorabuild.graph.order import STAGES
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.roots import roots
from lorabuild.graph.session import STORE, placed
from lorabuild.graph.settled import PLACE
from lorabuild.graph.variants import attach
from lorabuild.graph.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lorabuild.core.holdings import Holdings
    from lorabuild.core.proof import Proof
    from lorabuild.core.sweep import Choice
    from lorabuild.schema.loaded import Loaded

DAY = 86400.0
MEGABYTE = 10**6


@dataclass(frozen=True, slots=True)
class Limits:
    """How much gc leaves.

    Attributes:
        keep: so many builds.
        grace: seconds; what is younger stays.
        most: bytes that the store may take; the oldest builds give way to it.
    """

    keep: int = 5
    grace: float = DAY
    most: int | None = None


def gc(
    loaded: Loaded, limits: Limits, emit: Emit, *, dry_run: bool = False, wait: bool = True, date: int | None = None
) -> dict[str, Any]:
    """Sweep the project's store, or say what would go.

    Args:
        loaded: the checked project; what it needs as it stands stays.
        limits: how much is left.
        emit: the sink for events.
        dry_run: change nothing.
        wait: wait for a build that is running, instead of failing.
        date: SOURCE_DATE_EPOCH.

    Returns:
        What ``gc --json`` prints.
    """
    folder, ear = loaded.site.root / STORE, _Ear(emit)
    if dry_run or not folder.is_dir():
        with _opened(loaded, ear, date, read_only=True) as (view, held):
            choice, given_up = _chosen(view, held, leased(folder)[0], limits, ear)
        return _told(held, choice, given_up, limits, held.bytes - choice.bytes, dry_run=True)
    with claim(folder, wait=wait, say=lambda text: emit(_note("busy", text))):
        _drop_indexes(loaded.site.root)
        with _opened(loaded, ear, date, read_only=False) as (view, held), closed(folder) as in_use:
            choice, given_up = _chosen(view, held, in_use, limits, ear)
            carry_out(view.store, choice)
            unfolded.sweep(folder, {place for one in view.all() for place in one.inventory.sources.used})
            view.store.backup(every=0.0)
            after = look(view.store).bytes
    return _told(held, choice, given_up, limits, after, dry_run=False)


@contextmanager
def _opened(loaded: Loaded, emit: Emit, date: int | None, *, read_only: bool) -> Iterator[tuple[View, Holdings]]:
    """The plan, with every image looked at, and all that the store holds."""
    with placed(loaded), Store(loaded.site.root / STORE, read_only=read_only, emit=emit) as store:
        view = View(loaded.site, take(loaded.site, store, again=True), store, ITEMS, date=date)
        attach(view, loaded)
        for one in view.all():
            for stage in STAGES:
                one.step(stage)
        yield view, look(store)


def _drop_indexes(root: Path) -> None:
    """What the last build knew must not be believed any more."""
    drop_indexes(root)
    (root / PLACE).unlink(missing_ok=True)


def _chosen(view: View, held: Holdings, in_use: set[str], limits: Limits, ear: _Ear) -> tuple[Choice, list[int]]:
    """What goes, and the builds that give way to the limit: the oldest first. Raises StoreError when it isn't known."""
    kept = roots(view, held, limits.keep, limits.grace, in_use)
    count = len(kept.builds)
    choice = choose(held, kept.first(count), limits.grace)
    while limits.most is not None and held.bytes - choice.bytes > limits.most and count > kept.least:
        count -= 1
        choice = choose(held, kept.first(count), limits.grace)
    if ear.mended:
        raise StoreError(
            "the state database was damaged, so what is still needed isn't known; nothing was removed",
            where=str(view.store.folder),
            next_step="run `lorabuild`, then `lorabuild gc` again",
        )
    return choice, [*kept.builds][count:]


def _told(
    held: Holdings, choice: Choice, given_up: list[int], limits: Limits, after: int, *, dry_run: bool
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "before": held.bytes,
        "after": after,
        "goes": [{"kind": kind, "number": number, "bytes": size} for kind, (number, size) in choice.goes.items()],
        "stays": [{"why": one.why, "results": one.results, "bytes": one.bytes} for one in choice.stays],
        "given_up": given_up,
        "most": limits.most,
        "fits": limits.most is None or after <= limits.most,
    }


def verify_store(folder: Path, emit: Emit, *, repair: bool = False) -> dict[str, Any]:
    """Read every blob of a project's store and compare it with its name.

    Args:
        folder: the store, ``.lorabuild`` of a project.
        emit: the sink for events.
        repair: put what is bad out of the way, so that the next build makes it again; else nothing is changed.

    Returns:
        ``ok``; ``blobs`` and ``bytes`` that were read; ``bad`` [{digest, why, of}]; ``unnamed`` files that belong to
        nothing (they do no harm); ``database``, what is wrong with it; ``repaired``.
    """
    repair = repair and folder.is_dir()
    ear = _Ear(emit)
    alone = claim(folder, wait=True, say=lambda text: emit(_note("busy", text))) if repair else nullcontext()
    with alone, Store(folder, read_only=not repair, emit=ear) as store:
        proof = prove(store, _Progress(emit))
        found = _findings(store, proof)
        if repair and not found["ok"]:
            _drop_indexes(folder.parent)
            put_aside(store, proof)
    found["database"] = "; ".join([*ear.mended, found["database"]] if found["database"] else ear.mended)
    return found | {"ok": found["ok"] and not ear.mended, "repaired": repair}


def _findings(store: Store, proof: Proof) -> dict[str, Any]:
    owners, names = _owners(store, proof)
    damaged = [f"a damaged row: {names[key]}" for key, (_, blobs) in proof.results.items() if not blobs]
    lost = {blob for _, blobs in proof.results.values() for blob in blobs}
    bad = proof.bad | dict.fromkeys(sorted(lost - proof.bad.keys()), "is not known")
    return {
        "ok": not bad and not damaged and not proof.database,
        "blobs": proof.blobs,
        "bytes": proof.bytes,
        "bad": [{"digest": blob, "why": why, "of": owners.get(blob, [])} for blob, why in bad.items()],
        "unnamed": {"number": proof.unnamed[0], "bytes": proof.unnamed[1]},
        "database": "; ".join([*damaged, proof.database] if proof.database else damaged),
    }


def _owners(store: Store, proof: Proof) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Digest of a bad blob → what it belongs to; key of a result that suffers → its item; as a person would say it."""
    items = {stage: {key: name for name, key in store.latest(stage).items()} for stage, _ in proof.results.values()}
    names = {key: f"{stage} {items[stage].get(key, 'of a former build')}" for key, (stage, _) in proof.results.items()}
    found: dict[str, list[str]] = {}
    for key, (_, blobs) in proof.results.items():
        for blob in blobs:
            found.setdefault(blob, []).append(names[key])
    for row in store.history():
        for place, blob in row.get("blobs", {}).items():
            found.setdefault(blob, []).append(f"build {row['number']}: {place}")
    return found, names


class _Ear:
    """Passes events on, and remembers what was said of a damaged database."""

    def __init__(self, emit: Emit) -> None:
        self.emit, self.mended = emit, list[str]()

    def __call__(self, event: Event) -> None:
        if event.data.get("code") == "store-damaged":
            self.mended.append(event.data["text"])
        self.emit(event)


class _Progress:
    """Says how far the reading is, a hundred times at most."""

    def __init__(self, emit: Emit) -> None:
        self.emit, self.told = emit, 0

    def __call__(self, done: int, total: int) -> None:
        if done - self.told >= max(total // 100, MEGABYTE):
            self.told = done
            data = {"done": done // MEGABYTE, "total": total // MEGABYTE, "unit": "MB"}
            self.emit(Event("progress", "verify", data))


def _note(code: str, text: str) -> Event:
    return Event("note", data={"code": code, "text": text})
