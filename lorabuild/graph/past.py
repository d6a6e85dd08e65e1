"""What was built before. The files of every build stay in the store, so that a rebuild never destroys a LoRA."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.core.nullindex import STORE
from lorabuild.core.store import Store
from lorabuild.graph.lock import NAME
from lorabuild.graph.manifest import MANIFEST
from lorabuild.graph.order import STAGES
from lorabuild.graph.variants import raw_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lorabuild.graph.view import View

PINS = "pins"
UNLOCKED = ("report.html",)  # not promised byte by byte: it tells how long things took


def remember(
    view: View,
    stages: tuple[str, ...],
    tally: Mapping[str, Any],
    handed: Mapping[str, bytes],
    texts: Mapping[str, bytes],
) -> int | None:
    """Add a build to the history: one that ran something, or that hands out other files than the one before it.

    Args:
        view: the finished view.
        stages: the stages that were built.
        tally: stage → what this build did.
        handed: path in the project → bytes of the files that are handed out.
        texts: ``lora.lock`` and ``lora.manifest.tsv``, where they are written.

    Returns:
        The build's number; None when there is nothing to remember.
    """
    store = view.store
    blobs = {path: store.write(data) for path, data in handed.items()}
    last = {path: blob for row in store.history() for path, blob in row.get("blobs", {}).items()}
    if not any(counts["ran"] for counts in tally.values()) and all(last.get(path) == blobs[path] for path in blobs):
        return None
    trained = view.made("train").get("train") if "train" in stages else None
    return _add(
        store,
        {
            "stages": dict(tally),
            "outputs": shas(handed),
            "blobs": blobs,
            "record": dict(trained.record) if trained else {},
            # a build that hands nothing out is no LoRA to come back to; what it made is kept as the project stands
            "keys": {stage: store.write(raw_keys(view.all(), stage)) for stage in stages} if handed else {},
            **{
                name: store.write(texts[file])
                for name, file in (("lock", NAME), ("manifest", MANIFEST))
                if file in texts
            },
        },
    )


def _add(store: Store, row: Mapping[str, Any]) -> int:
    store.commit(())  # the blobs first, then the row that names them
    return store.history_add({**row, "made": int(time.time())})


def shas(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    """``[{"path", "sha256"}]`` of some files."""
    return [{"path": path, "sha256": _hex(data)} for path, data in sorted(files.items())]


def keep(store: Store, root: Path, coming: Mapping[Path, bytes]) -> int | None:
    """Take in, and pin, what lies where other files are coming and belongs to no build that is still whole.

    Returns:
        The number under which ``restore`` brings it back; None when there was nothing to keep.
    """
    known = {blob for row in store.history() for blob in (*row.get("blobs", {}).values(), *_texts(row))}
    found = {}
    for path, data in coming.items():
        with suppress(OSError):
            lies = path.read_bytes()
            if lies and lies != data and not ((name := digest(lies)) in known and store.has(name)):
                found[told(root, path)] = lies
    if not found:
        return None
    blobs = {path: store.write(data) for path, data in found.items()}
    row = {"stages": {}, "outputs": shas(found), "blobs": blobs, "record": {}, "keys": {}, "found": True}
    number = _add(store, row)
    store.set_meta(PINS, [*pinned(store), number])  # nobody can make it again: it stays until a person unpins it
    return number


def _texts(row: Mapping[str, Any]) -> list[str]:
    """The blobs of a build's lock and manifest."""
    return [row[name] for name in ("lock", "manifest") if name in row]


def told(root: Path, path: Path) -> str:
    """A path as the history names it: from the project's folder where it lies below that."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def write_changed(path: Path, data: bytes) -> bool:
    """Write a file unless it already holds these bytes; True when it was written."""
    with suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return True


def builds(store: Store, root: Path) -> list[dict[str, Any]]:
    """Every build, oldest first.

    Each has ``number``, ``made`` (seconds since 1970, or None), ``ran`` (stage → items), ``outputs``, ``sha256`` (of
    the LoRA, or None), ``here`` (its files lie in the output folder), ``pinned``, ``restorable``, ``found`` (made by
    nobody knows whom) and ``record``.
    """
    history, pins = store.history(), pinned(store)
    gone = store.blobs.missing({blob for row in history for blob in row.get("blobs", {}).values()})
    lying: dict[str, str | None] = {}
    for path in {output["path"] for row in history for output in row.get("outputs", ())}:
        lying[path] = _sha(place(root, path))
    return [
        {
            "number": row["number"],
            "made": row.get("made"),
            "ran": {stage: ran for stage in STAGES if (ran := row.get("stages", {}).get(stage, {}).get("ran"))},
            "outputs": row.get("outputs", []),
            "sha256": _lora(row.get("outputs", [])),
            "here": _is_here(row.get("outputs", []), lying),
            "pinned": row["number"] in pins,
            "restorable": bool(row.get("blobs")) and gone.isdisjoint(row["blobs"].values()),
            "found": row.get("found", False),
            "record": row.get("record", {}),
        }
        for row in history
    ]


def place(root: Path, path: str) -> Path:
    """Where a file of a build lies."""
    return (root / Path(path).expanduser()).absolute()


def _sha(path: Path) -> str | None:
    with suppress(OSError):
        return _hex(path.read_bytes())
    return None


def _lora(outputs: Iterable[Mapping[str, str]]) -> str | None:
    loras = [output for output in outputs if output["path"].endswith(".safetensors")]
    return min(loras, key=lambda output: len(output["path"]))["sha256"] if loras else None  # variants have longer names


def _is_here(outputs: Iterable[Mapping[str, str]], lying: Mapping[str, str | None]) -> bool:
    promised = [output for output in outputs if not output["path"].endswith(UNLOCKED)]
    return bool(promised) and all(lying[output["path"]] == output["sha256"] for output in promised)


def row_of(store: Store, number: int) -> dict[str, Any]:
    """One build of the history. Raises ``ProjectError`` when there is none of this number."""
    numbers = []
    for row in store.history():
        if row["number"] == number:
            return row
        numbers.append(row["number"])
    known = f"the builds are numbered {numbers[0]} to {numbers[-1]}" if numbers else "nothing was built here yet"
    raise ProjectError(f"there is no build {number}: {known}", next_step="`lorabuild history` lists them")


def pinned(store: Store) -> list[int]:
    """The builds that ``gc`` must not touch."""
    return list(store.meta(PINS, []))


def repin(root: Path, wanted: Mapping[int, bool], say: Callable[[str], None]) -> None:
    """Pin builds, or let go of them. Raises ``ProjectError`` when there is none of a number."""
    folder = root / STORE
    with Store(folder, read_only=True) as store:
        for number in wanted:
            row_of(store, number)
    with claim(folder, wait=True, say=say), Store(folder) as store:
        held = {*pinned(store)} - wanted.keys() | {number for number, on in wanted.items() if on}
        store.set_meta(PINS, sorted(held))


def _hex(data: bytes) -> str:
    import hashlib  # late: a build that hands nothing out has no use for it

    return hashlib.sha256(data).hexdigest()
