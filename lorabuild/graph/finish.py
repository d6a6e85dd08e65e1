"""The end of a build: files handed out, the lock and manifest written, the history kept, the null index made."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event
from lorabuild.core.files import write_atomic
from lorabuild.core.nullindex import drop_indexes, write_index
from lorabuild.graph import lock as locks
from lorabuild.graph.order import LAST
from lorabuild.graph.status import aside, up_to_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.graph.view import View
    from lorabuild.graph.wishes import Wishes

UNLOCKED = ("report.html",)


def finish(
    view: View, stages: tuple[str, ...], tally: Mapping[str, Any], wishes: Wishes, emit: Emit
) -> list[dict[str, str]]:
    """Hand out what was built and remember it.

    Returns:
        ``[{"path", "sha256"}]`` of the files in the output folder; empty when the build stopped before the package.
    """
    outputs = _hand_out(view, stages, emit)
    root = view.site.root
    if "package" in stages:
        hashes = {entry["path"]: entry["sha256"] for entry in outputs if not entry["path"].endswith(UNLOCKED)}
        content = locks.lock_of(view, stages, hashes)
        if wishes.locked:
            locks.compare(locks.read_lock(root), content)
        _write_changed(root / locks.NAME, locks.write_lock(content))
        _write_changed(root / locks.MANIFEST, locks.manifest(view))
    if any(counts["ran"] for counts in tally.values()):
        view.store.history_add({"stages": dict(tally), "outputs": outputs})
        view.store.backup()
    _index(view, stages, outputs, wishes)
    return outputs


def hold_to_lock(view: View, stages: tuple[str, ...]) -> None:
    """Before training: raise ``DifferenceError`` when what goes into it differs from the lock."""
    then = locks.read_lock(view.site.root)
    now = locks.lock_of(view, stages, {})
    if then is not None:
        then = {**then, "outputs": {}, "stages": {name: then.get("stages", {}).get(name) for name in now["stages"]}}
    locks.compare(then, now)


def _hand_out(view: View, stages: tuple[str, ...], emit: Emit) -> list[dict[str, str]]:
    """Write the package's files where they are missing or differ from what was built."""
    folder = view.site.path(view.project.output.folder)
    handed: dict[str, str] = {}
    for stage in ("package", LAST):
        if stage in stages:
            for result in view.made(stage).values():
                handed |= result.outputs
    found = []
    for name, blob in sorted(handed.items()):
        data, path = view.store.read(blob), f"{view.project.output.folder}/{name}"
        if _write_changed(folder / name, data):
            emit(Event("note", LAST, {"code": "wrote", "item": path, "text": f"wrote {path}"}))
        found.append({"path": path, "sha256": hashlib.sha256(data).hexdigest()})
    return found


def _write_changed(path: Path, data: bytes) -> bool:
    """Write a file unless it already holds these bytes; True when it was written."""
    with suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return True


def _index(view: View, stages: tuple[str, ...], outputs: list[dict[str, str]], wishes: Wishes) -> None:
    """Write the null index for this target; the others may be older than the disk and are dropped."""
    root = view.site.root
    drop_indexes(root)
    if wishes.seen is None:
        return
    made = [view.site.path(entry["path"]) for entry in outputs]
    made += [root / locks.NAME, root / locks.MANIFEST] if "package" in stages else []
    counts = {stage: {"ran": 0, "reused": view.step(stage).total, "seconds": 0.0} for stage in stages}
    left = aside(view)
    done = {"event": "done", "ok": True, "seconds": 0.0, "stages": counts, "outputs": outputs, "aside": left}
    says = {"text": up_to_date(view.project.name, len(left)), "json": done}
    date = None if view.date is None else str(view.date)
    write_index(root, stages[-1], wishes.seen, made, says, environ={"SOURCE_DATE_EPOCH": date})
