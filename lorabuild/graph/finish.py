"""The end of a build: files handed out, the lock and manifest written, the history kept, the null index made."""

from __future__ import annotations

from itertools import product
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event
from lorabuild.core.nullindex import drop_indexes, write_index
from lorabuild.graph import lock as locks
from lorabuild.graph import manifest, past
from lorabuild.graph.difference import record_words
from lorabuild.graph.lineage import parent_of
from lorabuild.graph.order import LAST
from lorabuild.graph.status import aside, several, up_to_date
from lorabuild.graph.variants import file_name, handing, own
from lorabuild.schema.source_places import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.graph.view import View
    from lorabuild.graph.wishes import Wishes


def finish(
    view: View, stages: tuple[str, ...], tally: Mapping[str, Any], wishes: Wishes, emit: Emit
) -> list[dict[str, str]]:
    """Hand out what was built and remember it.

    Returns:
        ``[{"path", "sha256"}]`` of the files in the output folder; empty when the build stopped before the package.
    """
    root = view.site.root
    handed = packed(handing(view, wishes), stages)
    outputs = past.shas(handed)
    texts = _texts(view, stages, outputs, wishes, emit)
    coming = {view.site.path(path): data for path, data in handed.items()}
    if kept := past.keep(view.store, root, coming):
        text = f"what lay in the output folder was of no build that is known; `lorabuild restore {kept}` brings it back"
        emit(Event("note", LAST, {"code": "kept", "item": view.project.output.folder, "text": text}))
    if past.remember(view, stages, tally, handed, texts):
        view.store.backup()
    wrote = [path for path, data in handed.items() if past.write_changed(view.site.path(path), data)]
    for path in wrote:
        emit(Event("note", LAST, {"code": "wrote", "item": path, "text": f"wrote {path}"}))
    if wrote and not any(counts["ran"] for counts in tally.values()):
        text = f"put back as this lora.yaml makes it: {several(wrote)}"
        emit(Event("note", LAST, {"code": "put-back", "item": view.project.output.folder, "text": text}))
    for name, data in texts.items():
        if not wishes.locked:
            past.write_changed(root / name, data)
    _index(view, stages, outputs, texts, wishes)
    return outputs


def packed(views: Iterable[View], stages: tuple[str, ...]) -> dict[str, bytes]:
    """Path in the project → bytes of every file that these stages of these views hand out."""
    found = {}
    for view, stage in product(views, [stage for stage in ("package", LAST) if stage in stages]):
        folder = PurePosixPath(view.project.output.folder)
        for result in view.made(stage).values():
            for name, blob in result.outputs.items():
                found[(folder / file_name(view, name)).as_posix()] = view.store.read(blob)
    return dict(sorted(found.items()))


def content(view: View, stages: tuple[str, ...], outputs: list[dict[str, str]]) -> dict[str, Any]:
    """The lock of a finished build."""
    promised = {entry["path"]: entry["sha256"] for entry in outputs if not entry["path"].endswith(past.UNLOCKED)}
    return locks.lock_of(view, stages, promised)


def hold_to_lock(view: View, stages: tuple[str, ...]) -> None:
    """Before training: raise ``DifferenceError`` when what goes into it differs from the lock."""
    then = locks.read_lock(view.site.root)
    parent_of(then or {}, view.store)
    now = {**locks.lock_of(view, stages, {}), "record": {}}
    if then is not None:
        known = {name: then.get("stages", {}).get(name) for name in now["stages"]}
        then = {**then, "outputs": {}, "record": {}, "stages": known}
        then |= {"variants": _known(then["variants"], stages)} if view.variants and "variants" in then else {}
        if not view.variants:
            then.pop("variants", None)
        if "train" not in stages:
            then.pop("lineage", None)
        if "balance" not in stages:
            then["concepts"] = {}
    locks.compare(then, now)


def _known(variants: Mapping[str, Any], stages: tuple[str, ...]) -> dict[str, Any]:
    """What a lock says of variants, as far as these stages go."""
    passed = () if "train" in stages else ("lineage",)
    return {
        name: {
            **{word: value for word, value in entry.items() if word not in passed},
            "stages": {stage: root for stage, root in entry.get("stages", {}).items() if stage in stages},
        }
        for name, entry in variants.items()
    }


def _texts(
    view: View, stages: tuple[str, ...], outputs: list[dict[str, str]], wishes: Wishes, emit: Emit
) -> dict[str, bytes]:
    """Lock and manifest as they are to be; with ``--locked`` raises ``DifferenceError`` when the lock would change."""
    if "package" not in stages or wishes.variant is not None:  # they tell of the whole project
        return {}
    root = view.site.root
    locks.refuse_conflict(root)
    now = content(view, stages, outputs)
    if wishes.locked:
        then = locks.read_lock(root)
        if not locks.compare(then, now):
            text = f"bytes aren't compared with the lock: {record_words(then or {}, now)}; all else is as it says"
            emit(Event("note", "package", {"code": "other-machine", "item": locks.NAME, "text": text}))
    return {locks.NAME: locks.write_lock(now), manifest.MANIFEST: manifest.write_manifest(manifest.rows(view))}


def _index(
    view: View, stages: tuple[str, ...], outputs: list[dict[str, str]], texts: Mapping[str, bytes], wishes: Wishes
) -> None:
    """Write the null index for this target; the others may be older than the disk and are dropped."""
    root = view.site.root
    drop_indexes(root)
    if wishes.seen is None or wishes.variant is not None or (wishes.locked and not _lie_there(view, texts)):
        return
    made = [view.site.path(entry["path"]) for entry in outputs] + [root / name for name in texts]
    totals = {stage: sum(own(one, stage).total for one in view.all()) for stage in stages}
    counts = {stage: {"ran": 0, "reused": total, "seconds": 0.0} for stage, total in totals.items()}
    left = aside(view, stages)
    done = {"event": "done", "ok": True, "seconds": 0.0, "stages": counts, "outputs": outputs, "aside": left}
    says = {"text": up_to_date(view.project.name, len(left)), "json": done}
    date = None if view.date is None else str(view.date)
    write_index(
        root,
        stages[-1],
        wishes.seen,
        made,
        says,
        environ={**variables(view.project.sources), "SOURCE_DATE_EPOCH": date},
    )


def _lie_there(view: View, texts: Mapping[str, bytes]) -> bool:
    """Whether lock and manifest are what a build without ``--locked`` would write."""
    paths = {view.site.root / name: data for name, data in texts.items()}
    return all(path.is_file() and path.read_bytes() == data for path, data in paths.items())
