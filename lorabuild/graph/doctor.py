"""``doctor``: what could stop a build – on the machine, in the store, in the project; nothing is changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lorabuild.core.amounts import shown
from lorabuild.core.claim import holder
from lorabuild.core.errors import LorabuildError
from lorabuild.core.holdings import look
from lorabuild.core.lease import leased
from lorabuild.core.store import Store
from lorabuild.core.words import hand
from lorabuild.graph import checkup
from lorabuild.graph.checkup import Finding
from lorabuild.graph.lock import refuse_conflict
from lorabuild.graph.session import STORE
from lorabuild.models.source import is_missing, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded

SETTINGS = "lora.yaml"


def doctor(folder: Path, opening: Callable[[], Loaded]) -> dict[str, Any]:
    """Look at everything.

    Args:
        folder: where a project may be; without one only the machine is looked at.
        opening: opens and checks the project; may raise ``LorabuildError``.

    Returns:
        ``ok``, false when something would stop a build; ``findings`` [{about, level, text, next_step}].
    """
    root = folder.absolute()
    seen = checkup.seen_by_torch()
    findings = [*checkup.machine(root, root / STORE, seen), *_store(root / STORE), *_project(root, opening, seen)]
    return {
        "ok": all(found.level != "problem" for found in findings),
        "findings": [asdict(found) for found in findings],
    }


def _store(folder: Path) -> Iterator[Finding]:
    if folder.is_dir():
        try:
            yield from _holdings(folder)
            yield from _locks(folder)
        except LorabuildError as error:
            yield Finding("store", "problem", f"{error.where}: {error.what}", error.next_step)


def _holdings(folder: Path) -> Iterator[Finding]:
    damaged: list[str] = []
    with Store(folder, read_only=True, emit=lambda event: damaged.append(event.data["text"])) as store:
        held, builds = look(store), len(store.history())
    for text in damaged:
        yield Finding("store", "note", text, "run `lorabuild`")
    sizes = {
        "database": held.database,
        "blobs": sum(one.bytes for one in held.files.values()),
        "work under way": sum(one.bytes for one in held.work.values()),
        "put aside": sum(one.bytes for one in held.damaged.values()),
    }
    told = ", ".join(f"{name} {shown(size)}" for name, size in sizes.items() if size)
    yield Finding(
        "store", "ok", f"{shown(held.bytes)} ({told}); {len(held.results):,} results, {_many(builds, 'build')}"
    )
    if held.damaged:
        text = f"{_many(len(held.damaged), 'damaged file')} put aside; what was in them is made again"
        yield Finding("store", "note", text, "`lorabuild gc` removes them a day later")
    if held.tmp.bytes and not holder(folder):
        text = f"a build was killed here and left {shown(held.tmp.bytes)} half written"
        yield Finding("store", "note", text, "nothing needs doing: the next build removes it")


def _locks(folder: Path) -> Iterator[Finding]:
    if who := holder(folder):
        yield Finding("store", "ok", f"{who} is at work here")
    elif (folder / "holder").exists():
        yield Finding("store", "note", "the last build here was killed", "`lorabuild` goes on where it was")
    held, dead = leased(folder)
    if held:
        yield Finding("store", "ok", f"a reader holds {_many(len(held), 'blob')}")
    if dead:
        yield Finding(
            "store", "note", f"{_many(dead, 'lease')} of readers that were killed", "`lorabuild gc` removes them"
        )


def _project(root: Path, opening: Callable[[], Loaded], seen: dict[str, Any]) -> Iterator[Finding]:
    if not (root / SETTINGS).exists():
        text = f"there is no {SETTINGS} in {root}, so only the machine was looked at"
        yield Finding("project", "note", text, "`lorabuild init` makes a project; -C DIR names its folder")
        return
    try:
        loaded = opening()
        yield from _models(loaded)
        refuse_conflict(root)
    except LorabuildError as error:
        for one in getattr(error, "problems", None) or [vars(error)]:
            where = f"{one['where']}: " if one["where"] else ""
            yield Finding("project", "problem", where + one["what"], one["next_step"])
        return
    yield Finding("project", "ok", f"{loaded.project.name}: {SETTINGS} is right")
    kind = loaded.project.device.type
    if kind in ("cuda", "mps") and kind not in {device["kind"] for device in seen.get("devices", ())}:
        text = f"{SETTINGS} asks for the device `{kind}`, and torch finds none"
        yield Finding("project", "problem", text, "write `device: {type: auto}`, or give --device cpu")


def _models(loaded: Loaded) -> Iterator[Finding]:
    """Whether the models are there. Raises ``ProjectError``."""
    tagger = loaded.project.captions.tagger
    if is_missing(loaded.site):
        yield Finding("project", "note", f"{loaded.project.base.model} is not here yet", "a build downloads it")
    else:
        locate(loaded.site)
    hand("taggers", tagger.type).digests(tagger, loaded.site)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
