"""``restore``: the files of an earlier build lie in the output folder again, or in another one; nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.errors import BlobError, ProjectError, StoreError
from lorabuild.core.nullindex import drop_indexes
from lorabuild.core.store import Store
from lorabuild.graph import past
from lorabuild.graph.lock import NAME, refuse_conflict
from lorabuild.graph.manifest import MANIFEST
from lorabuild.graph.session import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def restore(
    root: Path, number: int, *, to: Path | None = None, lock: bool = False, say: Callable[[str], None]
) -> dict[str, Any]:
    """Put the files of a build back.

    Args:
        root: the project's folder.
        number: of the build, as ``history`` lists it.
        to: another folder than the one where they lay.
        lock: put its ``lora.lock`` and ``lora.manifest.tsv`` back, too.
        say: is told when another build has to be waited for.

    Returns:
        ``number``, ``files`` (``path``, ``sha256``, ``written``: false where it lay there already), and ``kept``: the
        number of the build under which is remembered what lay there and belonged to none, or None.

    Raises:
        ProjectError: there is no such build, it left no files, or they lay outside the project and ``to`` is not named.
        StoreError: some of its files are gone.
    """
    folder = root / STORE
    with Store(folder, read_only=True) as store:
        past.row_of(store, number)
    with claim(folder, wait=True, say=say), Store(folder) as store:
        files = _files(store, number, lock=lock)
        if lock and to is None:
            refuse_conflict(root)
        places = {path: past.place(root, path) if to is None else to / Path(path).name for path in files}
        if to is None:
            _stay_inside(root, places.values())
        drop_indexes(root)
        kept = past.keep(store, root, {places[path]: data for path, data in files.items()})
        written = {path: past.write_changed(places[path], data) for path, data in files.items()}
    told = [
        {"path": past.told(root, places[entry["path"]]), "sha256": entry["sha256"], "written": written[entry["path"]]}
        for entry in past.shas(files)
    ]
    return {"number": number, "files": told, "kept": kept}


def _stay_inside(root: Path, places: Iterable[Path]) -> None:
    """A history that came with somebody else's project must not write where it likes."""
    for folder in {place.parent.resolve() for place in places}:
        if not folder.is_relative_to(root.resolve()):
            raise ProjectError(
                f"its files lay outside the project, in {folder}", next_step="name the folder yourself: `--to FOLDER`"
            )


def _files(store: Store, number: int, *, lock: bool) -> dict[str, bytes]:
    """Path → bytes of what a build left: all of it, or an error that names what is gone."""
    row = past.row_of(store, number)
    blobs: dict[str, str] = dict(row.get("blobs", {}))
    if not blobs:
        why = "it stopped before the package" if "keys" in row else "its files were not kept"
        raise ProjectError(f"build {number} left no files: {why}", next_step="`lorabuild history` lists the others")
    if lock:
        blobs |= {file: row[name] for name, file in (("lock", NAME), ("manifest", MANIFEST)) if name in row}
    found, gone = {}, []
    for path, blob in sorted(blobs.items()):
        try:
            found[path] = store.read(blob)
        except BlobError:
            gone.append(path)
    if gone:
        raise StoreError(
            f"build {number} can't be restored: {', '.join(gone)} {'is' if len(gone) == 1 else 'are'} "
            "no longer in the store",
            next_step="`lorabuild history` shows which builds are whole; nothing was changed",
        )
    return found
