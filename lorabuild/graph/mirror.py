"""The mirror: generated captions as text files, ``captions/<image>.txt``, to read – and to edit.

Beside them lies the digest of what was last written to each. A file that says something else was edited by a person:
it is an override of that image, as if it stood beside it, and is never written again. The mirror has one file for
each image in a concept, under the name that the manifest gives it.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import drop_half_written, read_if_there, sync_files, write_atomic, write_plain
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.statcache import StatCache
    from lorabuild.graph.members import Fresh
    from lorabuild.graph.view import View
    from lorabuild.schema.site import Site

FOLDER = "captions"
INDEX = ".written.json"
_AT_ONCE = 256
_UP = re.compile("^__+$")
Written = dict[str, list[str]]
"""Name of an image → digests of what was written to its file: two while that is under way."""


@dataclass(slots=True)
class Mirrored:
    """What writing the mirror did, by names of images.

    Attributes:
        written: files that are new or say something new.
        same: files that said it already.
        edited: files that a person has edited; they stay.
        foreign: files that lay there before and were never written by us; they stay, and count for nothing.
        lost: edited files of images that are gone; they stay, and count for nothing.
        removed: files of images that are gone.
    """

    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def named(site: Site, member_id: str, concept: str, path: str) -> str:
    """An image in a concept without this machine: what lies outside begins with the name of its folder."""
    place = PurePosixPath(path)
    if not place.is_absolute():
        return member_id
    folder = PurePosixPath(site.path(site.project.concepts[concept].folder or "").as_posix())
    below = place.relative_to(folder) if place.is_relative_to(folder) else place.name
    return member_id.replace(path, (PurePosixPath(folder.name) / below).as_posix(), 1)


def by_hand(view: View, member: Fresh) -> Path | None:
    """The text of a person for an image: that beside it, else the edited one in the mirror."""
    known = view.inventory.edits
    if member.file.text or not known or not member.concept:
        return member.file.text
    return known.get(named(view.site, member.id, member.concept, member.file.path))


def edited(site: Site, known: Mapping[str, Path], rows: Sequence[tuple[str, str, str]]) -> set[str]:
    """The paths of the edited among these images; each row is an image's id, concept and path."""
    if not known:
        return set()
    return {path for one, concept, path in rows if concept and named(site, one, concept, path) in known}


def edits(site: Site, cache: StatCache) -> dict[str, Path]:
    """Name of an image → its file in the mirror, for those that a person has edited."""
    known = read_index(site.root)
    files = {name: place for name in known if (place := _file(site.root, name))}
    digests = cache.digests(files.values())
    other = {name: file for name, file in files.items() if digests[file].digest not in known[name]}
    return {name: file for name, file in other.items() if _is_edit(site.root, file, known[name])}


def read_index(root: Path) -> Written:
    """What was written to the mirror; empty where there is none.

    Raises ProjectError for an index that can't be read: without it nobody can tell what a person has edited.
    """
    try:
        found = json.loads(read_if_there(root / FOLDER / INDEX) or b"{}")
        return {str(name): [str(one) for one in digests] for name, digests in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ProjectError(
            "the index of the mirror is damaged: nobody can tell which texts there were edited",
            where=f"{FOLDER}/{INDEX}",
            next_step=f"bring it back from git; or put edited texts beside their images and delete {FOLDER}/",
        ) from error


def write(root: Path, captions: Mapping[str, str | None]) -> Mirrored:
    """Bring the mirror up to date. Killed at any moment, it holds no file that looks as if a person had edited it.

    Args:
        root: the project's folder.
        captions: name of an image → its caption; None while it has none, then its file stays.

    Raises:
        ProjectError: the mirror leads out of the project.
        StoreError: it can't be written.
    """
    known, done = read_index(root), Mirrored()
    wanted = {name: _plain(text.encode("utf-8", "replace")) for name, text in captions.items() if text is not None}
    for name in sorted(captions.keys() | known.keys()):
        _judge(root, name, wanted.get(name), known.get(name, []), done, gone=name not in captions)
    fresh = {name: wanted[name] for name in done.written}
    now = {name: [digest(wanted[name])] for name in (*done.written, *done.same)}
    kept = {name: known[name] for name in known if name not in now and name not in done.removed}
    if fresh or done.removed:
        under_way = {name: [*known.get(name, []), digest(data)] for name, data in fresh.items()}
        _write_index(root, known | under_way)
        for start in range(0, len(done.written), _AT_ONCE):
            _write_files(root, {name: fresh[name] for name in done.written[start : start + _AT_ONCE]}, known)
        for file in (_file(root, name) for name in done.removed):
            if file:
                _remove(root, file)
    if kept | now != known:
        _write_index(root, kept | now)
    return done


def _judge(root: Path, name: str, data: bytes | None, known: list[str], done: Mirrored, *, gone: bool) -> None:
    """What is to become of one file; nothing without a caption for it."""
    place = _file(root, name)
    held = read_if_there(place) if place else None
    if place is None or (held is None and data is None):
        return
    if held is None:
        done.written.append(name)
    elif known and digest(_plain(held)) not in known:
        (done.lost if gone else done.edited).append(name)
    elif gone:
        done.removed.append(name)
    elif data is None:
        return
    elif _plain(held) == data:
        done.same.append(name)
    else:
        (done.written if known else done.foreign).append(name)


def _write_files(root: Path, fresh: Mapping[str, bytes], known: Written) -> None:
    """All on the disk before any is renamed; one that was edited meanwhile stays."""
    files = {name: file for name in fresh if (file := _file(root, name))}
    for folder in {file.parent for file in files.values()}:
        _make(root, folder)
    halves: dict[Path, tuple[Path, str]] = {}
    with trouble("write the mirror", root / FOLDER):
        try:
            for number, (name, file) in enumerate(files.items()):
                half = file.with_name(f".lorabuild-{os.getpid():x}-{number:x}")
                halves[half] = file, name
                write_plain(half, fresh[name])
            sync_files(list(halves))
            for half, (file, name) in halves.items():
                held = read_if_there(file)
                if held is None or digest(_plain(held)) in known.get(name, []):
                    half.replace(file)
        finally:
            for half in halves:
                half.unlink(missing_ok=True)


def _make(root: Path, folder: Path) -> None:
    """A folder of the mirror. Raises ProjectError where a link leads out of the project."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ProjectError("the mirror leads out of the project", where=str(folder), next_step="delete the link there")
    with trouble("write the mirror", folder):
        folder.mkdir(parents=True, exist_ok=True)
    drop_half_written(folder)


def _remove(root: Path, file: Path) -> None:
    """Delete a file of ours, and the folders that are empty then."""
    with suppress(OSError):
        file.unlink()
        for folder in file.relative_to(root).parents[:-2]:
            (root / folder).rmdir()


def _write_index(root: Path, written: Written) -> None:
    _make(root, root / FOLDER)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(written[name])}" for name in sorted(written))
    write_atomic(root / FOLDER / INDEX, f"{{\n{lines}\n}}\n".encode("ascii"))


def _file(root: Path, name: str) -> Path | None:
    """Where an image's text lies; ``..`` is written ``__``. None for a name that leads out of the mirror."""
    if name[:1] == "/" or name[1:2] == ":" or "\\" in name:
        return None
    if ".." in name or "__" in name:
        name = "/".join("__" if part == ".." else _UP.sub("_\\g<0>", part) for part in name.split("/"))
    return root / FOLDER / f"{name}.txt"


def _is_edit(root: Path, file: Path, known: list[str]) -> bool:
    """Whether a person wrote it: other line ends (git), or a line end more, are no edit."""
    if not file.resolve().is_relative_to((root / FOLDER).resolve()):
        return False
    held = read_if_there(file)
    return held is not None and digest(_plain(held)) not in known


def _plain(data: bytes) -> bytes:
    """A text as we write it: no byte order mark, one kind of line ends, one at the end."""
    return data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip() + b"\n"
