"""Files: written whole or not at all; found in the same order everywhere."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.errors import StoreError
from lorabuild.core.trouble import passing, reason, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Place = str | os.PathLike[str]
_HALF = ".lorabuild-"
_STALE = 3600.0  # seconds; a younger one may belong to another project's build, which writes to the same folder


def write_atomic(path: Place, data: bytes) -> None:
    """Replace a file's content: a reader, and a crash at any moment, find the old bytes or the new ones.

    An existing file keeps its mode. Raises StoreError.
    """
    target = Path(path)
    # short, so that a name of 255 bytes has room; hidden, so that no scan of a folder takes it for an input
    beside = target.with_name(f"{_HALF}{os.getpid():x}-{time.monotonic_ns():x}")
    with trouble("write this file", target):
        try:
            write_plain(beside, data)
            with suppress(FileNotFoundError):
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            sync_file(beside)
            beside.replace(target)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
        sync_folder(target.parent)


def drop_half_written(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder: hidden files of ours that are an hour old."""
    with suppress(OSError):
        for path in folder.glob(f"{_HALF}*-*"):
            if path.is_file() and time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def hold_to_writable(folder: Path) -> None:
    """Raise StoreError where no file can be put into a folder, or into the one that it will be made in."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        what, step = "no file can be written into this folder", "make it writable for you, or name another one"
        raise StoreError(what, where=str(there), next_step=step)


def write_plain(path: Path, data: bytes) -> None:
    """Write a file; the disk may have it later. Raises OSError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(opened, rest) :]
    finally:
        os.close(opened)


def sync_file(path: Path) -> None:
    """Wait until the disk has a file's bytes. Raises OSError."""
    opened = os.open(path, os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_files(paths: Sequence[Path]) -> None:
    """Wait until the disk has all these files. Raises OSError."""
    if len(paths) < 2:
        for path in paths:
            sync_file(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    # at once: the file system commits them together; one after another took 13 times as long (ext4, 32 files)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(sync_file, paths))


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's names; where a folder can't be synced (Windows) the system sees to it."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def read_if_there(path: Place) -> bytes | None:
    """A file's bytes; None when it is gone, or closed. Raises StoreError when it is the machine that can't read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        if passing(error):
            with trouble("read this file", path):
                raise
        return None


@dataclass(slots=True)
class Found:
    """What a folder holds, as absolute paths in the order of their names.

    Attributes:
        files: the ordinary files.
        problems: what can't be used → why, in a person's words.
        folders: every folder that was searched, the first is the folder itself.
        linked: whether a link was met.
    """

    files: list[Path] = field(default_factory=list)
    problems: dict[Path, str] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    linked: bool = False


def walk(folder: Place, suffixes: Collection[str], *, within: Place | None = None) -> Found:
    """All ordinary files below a folder whose names end in one of the suffixes (``.png``; any case).

    Hidden names are passed over. Links are followed only where they lead to a place below ``within`` (default: the
    folder itself), and never into a folder that is read already. Dangling links, loops, pipes, devices and closed
    folders are problems. A name that is not UTF-8 comes in Python's surrogate form, which leads back to the file.
    Raises StoreError when the folder itself can't be read.
    """
    top = os.fspath(Path(folder).absolute())
    with trouble("read this folder", top):
        os.scandir(top).close()
    visit = _Visit(top, within, suffixes)
    visit.folder(top)
    return Found(
        files=[Path(name) for name in sorted(visit.files)],
        problems={Path(name): visit.problems[name] for name in sorted(visit.problems)},
        folders=[Path(name) for name in sorted(visit.folders)],
        linked=visit.met_link,
    )


class _Visit:
    """One walk through a folder: where it may go, where it has been, what it has found."""

    def __init__(self, top: str, within: Place | None, suffixes: Collection[str]) -> None:
        self.home = os.path.realpath(top)
        self.within = self.home if within is None else os.path.realpath(within)
        self.suffixes = tuple(suffix.lower() for suffix in suffixes)
        self.files: list[str] = []
        self.problems: dict[str, str] = {}
        self.folders: list[str] = []
        self.linked: set[str] = set()
        self.met_link = False

    def folder(self, path: str) -> None:
        """Add what a folder holds."""
        try:
            with os.scandir(path) as listing:
                entries = [entry for entry in listing if not entry.name.startswith(".")]
        except OSError as error:
            self.refuse(path, error)
            return
        self.folders.append(path)
        for entry in sorted(entries, key=lambda entry: entry.name):
            try:
                self.entry(entry)
            except OSError as error:
                self.refuse(entry.path, error)

    def entry(self, entry: os.DirEntry[str]) -> None:
        """Add one file, or all that one folder holds."""
        refusal = self.refuse_link(entry) if entry.is_symlink() else ""
        if refusal:
            self.problems[entry.path] = refusal
        elif entry.is_dir():
            self.folder(entry.path)
        elif not entry.is_file():
            self.problems[entry.path] = "is not an ordinary file"
        elif entry.name.lower().endswith(self.suffixes):
            self.files.append(entry.path)

    def refuse(self, path: str, error: OSError) -> None:
        """Note that a place is closed; where it is the machine that can't read, raise StoreError."""
        if passing(error):
            with trouble("read this folder", path):
                raise error
        self.problems[path] = f"can't be read: {reason(error)}"

    def refuse_link(self, entry: os.DirEntry[str]) -> str:
        """Why a link is not followed; empty when it is."""
        self.met_link = True
        real = os.path.realpath(entry.path)
        if not Path(real).exists():
            return "is a link that leads nowhere"
        if not _below(real, self.within):
            return "is a link that leads outside"
        if not entry.is_dir():
            return ""
        if real in self.linked or _below(real, self.home) or _below(self.home, real):
            return "is a link to a folder that is read already"
        self.linked.add(real)
        return ""


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def numbered(name: str, fits: Callable[[str], bool]) -> str:
    """A name; where it doesn't fit, the first of ``name-2``, ``name-3`` and so on that does."""
    return next(one for one in chain([name], (f"{name}-{number}" for number in count(2))) if fits(one))


def folded(name: str) -> str:
    """A name as file systems compare it that know no capitals, or only one way to write an accent."""
    import unicodedata

    return unicodedata.normalize("NFC", name.casefold())
