"""What sources are unpacked into: folders of the store, one for each source as it is, made anew when it changes.

``.lorabuild/sources/ab12…/`` holds the files and, written last, ``.done.json`` with their digests and what was left
out. A folder without it, or with other bytes than it says, is made again. What only looks at a project writes nothing
there: an archive is then unpacked beside, and is gone with the process; frames wait for the build.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import canonical, digest, short
from lorabuild.core.files import read_if_there, write_atomic
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lorabuild.core.statcache import StatCache
    from lorabuild.core.store import Store

FOLDER = "sources"
DONE = ".done.json"
VERSION = 1  # raised when the same source is unpacked into other files


def unfolded(
    store: Store, cache: StatCache, what: Any, fill: Callable[[Path], dict[str, str]], *, light: bool
) -> tuple[Path, dict[str, str]] | None:
    """The folder that a source is unpacked into, and what was left out of it → why.

    Args:
        store: where the folder lies; one that is only read is never written.
        cache: the stat cache.
        what: all that says what is in the folder.
        fill: fills the empty folder and says what it left out.
        light: whether that takes so little that a look at the project may do it.

    Returns:
        None where it waits for a build.
    """
    name = short(digest(canonical([VERSION, what])))
    place = store.folder / FOLDER / name
    if (held := _held(place, cache)) is not None:
        return place, held
    if store.database.read_only:
        if not light:
            return None
        place = _beside() / name
        if (held := _held(place, cache)) is not None:
            return place, held
    with trouble("unpack a source", place):
        _remove(place)
        place.mkdir(parents=True)
        refused = fill(place)
        files = {
            path.relative_to(place).as_posix(): found.digest for path, found in cache.digests(_files(place)).items()
        }
        write_atomic(place / DONE, canonical({"files": files, "refused": refused}))
    return place, refused


def sweep(folder: Path, used: Collection[Path]) -> int:
    """Remove what no source is unpacked into any more; how many folders went."""
    top = folder / FOLDER
    gone = [place for place in (top.iterdir() if top.is_dir() else ()) if place not in used]
    for place in gone:
        _remove(place)
    return len(gone)


def _held(place: Path, cache: StatCache) -> dict[str, str] | None:
    """What was left out of a finished folder; None where it isn't whole."""
    data = read_if_there(place / DONE)
    try:
        done = json.loads(data or b"")
        files, refused = dict(done["files"]), dict(done["refused"])
    except (ValueError, LookupError, TypeError):
        return None
    digests = cache.digests([place / name for name in files])
    sound = all(digests[place / name].digest == known for name, known in files.items())
    return refused if sound and len(_files(place)) == len(files) else None


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file() and path.name != DONE)


def _remove(place: Path) -> None:
    """Remove a folder of ours, with files that are only to be read."""
    if place.exists():
        shutil.rmtree(place)


@cache
def _beside() -> Path:
    """A folder that is gone when the process ends."""
    import atexit
    import tempfile

    folder = tempfile.mkdtemp(prefix="lorabuild-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
