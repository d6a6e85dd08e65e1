"""The null build's index: how everything looked that a clean build has read and made. ``core.nullcheck`` compares.

A build makes one ``Seen`` and shows it every file and folder *before* reading it. No stamp of it may be racy: else no
index is written, and the next build takes the long way.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest
from lorabuild.core.files import write_plain
from lorabuild.core.nullcheck import FIELDS, Index, file_stamps, folder_stamps, index_path, look, pack
from lorabuild.core.stamps import COARSE, FOREIGN, Now, Stamp, now, racy, wait
from lorabuild.core.trouble import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SETTINGS = "./lora.yaml"
STORE = ".lorabuild"
_PACKAGE = Path(__file__).parent.parent
_OURS = ("schema", "balance", "captions", "stages", "graph")  # another lorabuild may plan otherwise
_READ = (*_OURS, "captions/groups")
_TICKS = 3


@cache
def code() -> str:
    """Digest of how the code looks that plans: what another lorabuild left behind is of no use to this one."""
    files = [entry for name in _READ for entry in os.scandir(_PACKAGE / name) if entry.name.endswith((".py", ".txt"))]
    looks = sorted((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files)
    return digest(repr(looks).encode("utf-8", "surrogateescape"))


class Seen:
    """How the inputs of a build looked before it read them. Made before ``lora.yaml`` is read, and shown it first."""

    def __init__(self, root: Path) -> None:
        self.root = os.fspath(Path(root).absolute()) + os.sep
        self.files: dict[str, list[int]] = {}
        self.folders: dict[str, tuple[list[str], list[int]]] = {}
        self.unclear = ""
        try:
            self.at: Now | None = _now(self.root)
        except OSError as error:
            self.at, self.unclear = None, reason(error)
        # a working copy is edited in place; what was installed is only ever replaced, and its folders tell of that
        worked_on = (_PACKAGE.parent / "pyproject.toml").exists()
        for name in _OURS:
            (self.folder if worked_on else self.file)(_PACKAGE / name)

    def file(self, path: str | os.PathLike[str]) -> None:
        """A file is going to be read: settings, a model, a caption outside the folders."""
        place = self.place(path)
        try:
            self.files.setdefault(place, file_stamps(self.root, [place]))
        except OSError as error:
            self.unclear = reason(error)

    def folder(self, path: str | os.PathLike[str]) -> None:
        """A folder is going to be searched, with all that is below it."""
        try:
            self._folders(os.fspath(Path(path).absolute()))
        except OSError as error:
            self.unclear = reason(error)

    def names(self, path: str | os.PathLike[str]) -> None:
        """A folder in which something may come to lie beside what is read; what is below it doesn't matter."""
        place = self.place(path)
        try:
            self.folders.setdefault(place, look(self.root, place))
        except OSError as error:
            self.unclear = reason(error)

    def folder_if_there(self, path: str | os.PathLike[str]) -> None:
        """A folder that may not be there: its coming is noticed, too."""
        if os.path.lexists(path):
            self.folder(path)
        else:
            self.folders.setdefault(self.place(path), ([], [0]))

    def _folders(self, top: str) -> None:
        """Look at a folder and those below it, linked ones too, each once."""
        ahead, entered = [top], set[str]()
        while ahead:
            here = ahead.pop()
            real = os.path.realpath(here)
            if real not in entered:
                entered.add(real)
                place = self.place(here)
                self.folders.setdefault(place, folder_stamps(self.root, place))
                with os.scandir(here) as listing:
                    ahead += [entry.path for entry in listing if entry.is_dir()]

    def place(self, path: str | os.PathLike[str]) -> str:
        """A path as the index has it: below the project without the project's own place."""
        whole = os.fspath(Path(path).absolute())
        if whole.startswith(self.root):
            whole = "./" + whole.removeprefix(self.root)
        return whole.replace(os.sep, "/")

    def clear(self) -> bool:
        """Whether nothing of it could have changed without a trace since it was seen.

        What changed with a trace while the build ran need not be looked for: it looks otherwise than it was seen, so
        the next build takes the long way.
        """
        if self.unclear or self.at is None or SETTINGS not in self.files:
            return False
        held = [*self.files.values(), *(stamps for _, stamps in self.folders.values())]
        return not any(_racy(stamps, self.at) for stamps in held)


def write_index(
    root: Path,
    target: str,
    seen: Seen,
    outputs: Iterable[str | os.PathLike[str]],
    says: Mapping[str, Any],
    *,
    environ: Mapping[str, str | None] | None = None,
) -> bool:
    """Write the index of a target after a clean build; False when something is not clear, then there is none.

    Args:
        root: the project's folder.
        target: the stage that was built; the last one for a build of everything.
        seen: what the build has read.
        outputs: every file that the build answers for: the output folder's, lora.lock, lora.manifest.tsv.
        says: what a build with nothing to do says: ``text``, ``quiet`` (lines for people), ``json`` (the last object).
        environ: variables that the result depends on, with their values; None means that it is not set.
    """
    path = Path(index_path(seen.root, target))
    beside = path.with_suffix(f".{os.getpid():x}")
    places = [seen.place(output) for output in outputs]
    try:
        made = _settled(seen, places)
        if made is not None and seen.clear():
            folders = [(place, *held) for place, held in seen.folders.items()]
            stamps = [number for held in seen.files.values() for number in held]
            index: Index = dict(environ or {}), [*seen.files, *places], stamps + made, folders, _lines(says)
            write_plain(beside, pack(index))
            beside.replace(path)
            return True
    except OSError:
        with suppress(OSError):
            beside.unlink()
    drop_indexes(root)
    return False


def drop_indexes(root: Path) -> None:
    """Send the next builds the long way: before anything is made, forgotten, restored or swept."""
    for path in (*Path(root, STORE).glob("null-*"), *Path(root, STORE).glob("settled.*")):
        with suppress(OSError):
            path.unlink()


def _lines(says: Mapping[str, Any]) -> dict[str, str]:
    """The bytes to be: lines end, objects are JSON."""
    lines = {"text": says["text"], "quiet": says.get("quiet", ""), "json": json.dumps(says["json"], ensure_ascii=False)}
    return {manner: f"{line}\n" if line else "" for manner, line in lines.items()}


def _settled(seen: Seen, places: list[str]) -> list[int] | None:
    """The stamps of the outputs, once they are no longer racy; they are young, so a tick or two is waited for."""
    for _ in range(_TICKS):
        at = _now(seen.root)
        stamps = file_stamps(seen.root, places)
        if not _racy(stamps, at):
            return stamps
        if at.tick >= COARSE:
            return None
        wait(at)
    return None


def _racy(stamps: list[int], at: Now) -> bool:
    if max(stamps[0::FIELDS] + stamps[1::FIELDS], default=0) < at.ns - FOREIGN:
        return False  # all of them old, whichever clock they are of
    for start in range(0, len(stamps), FIELDS):
        ctime, mtime, size, inode, device = stamps[start : start + FIELDS]
        if racy(Stamp(size, mtime, ctime, inode, device), at):
            return True
    return False


def _now(root: str) -> Now:
    """The clock of the store's file system; before there is a store, that of the project's."""
    folder = Path(root, STORE)
    return now(folder if folder.is_dir() else folder.parent)
