"""Files: written whole or not at all; found in the same order everywhere."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lorabuild.core.trouble import reason, trouble


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace a file's content: a reader, and a crash at any moment, find the old bytes or the new ones.

    An existing file keeps its mode. Raises StoreError.
    """
    target = Path(path)
    # short, so that a name of 255 bytes has room; hidden, so that no scan of a folder takes it for an input
    beside = target.with_name(f".lorabuild-{os.getpid():x}-{time.monotonic_ns():x}")
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


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's names; where a folder can't be synced (Windows) the system sees to it."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a folder that can't be used, and why, in a person's words."""

    name: str
    text: str


@dataclass(slots=True)
class Found:
    """What a folder holds: names below it with forward slashes, in code point order."""

    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def walk(folder: str | os.PathLike[str], suffixes: Collection[str], *, within: str | os.PathLike[str] | None = None) -> Found:
    """All ordinary files below a folder whose names end in one of the suffixes (``.png``; any case).

    Hidden names are passed over. Links are followed only where they lead to a place below ``within`` (default: the
    folder itself), and never into a folder that is read already. Dangling links, loops, pipes, devices and closed folders
    are problems. A name that is not UTF-8 comes in Python's surrogate form, which leads back to the file.
    Raises StoreError when the folder itself can't be read.
    """
    top = os.fspath(folder)
    with trouble("read this folder", top):
        os.scandir(top).close()
    visit = _Visit(top, within, suffixes)
    visit.folder("")
    visit.found.files.sort()
    visit.found.problems.sort(key=lambda problem: problem.name)
    return visit.found


class _Visit:
    """One walk through a folder: where it may go, where it has been, what it has found."""

    def __init__(self, top: str, within: str | os.PathLike[str] | None, suffixes: Collection[str]) -> None:
        self.top, self.home = top, os.path.realpath(top)
        self.within = self.home if within is None else os.path.realpath(within)
        self.suffixes = tuple(suffix.lower() for suffix in suffixes)
        self.entered: set[str] = set()
        self.found = Found()

    def folder(self, below: str) -> None:
        """Add what ``top/below`` holds; ``below`` is empty or ends in a slash."""
        try:
            with os.scandir(os.path.join(self.top, below)) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda entry: entry.name)
        except OSError as error:
            self.problem(below, f"can't be read: {reason(error)}")
            return
        for entry in entries:
            name = below + entry.name
            try:
                self.entry(entry, name)
            except OSError as error:
                self.problem(name, f"can't be read: {reason(error)}")

    def entry(self, entry: os.DirEntry[str], name: str) -> None:
        """Add one file, or all that one folder holds."""
        refusal = self.refuse_link(entry) if entry.is_symlink() else ""
        if refusal:
            self.problem(name, refusal)
        elif entry.is_dir():
            self.folder(name + "/")
        elif not entry.is_file():
            self.problem(name, "is not an ordinary file")
        elif entry.name.lower().endswith(self.suffixes):
            self.found.files.append(name)

    def refuse_link(self, entry: os.DirEntry[str]) -> str:
        """Why a link is not followed; empty when it is."""
        real = os.path.realpath(entry.path)
        if not os.path.exists(real):
            return "is a link that leads nowhere"
        if not _below(real, self.within):
            return "is a link that leads out of the project"
        if not entry.is_dir():
            return ""
        if real in self.entered or _below(real, self.home) or _below(self.home, real):
            return "is a link to a folder that is read already"
        self.entered.add(real)
        return ""

    def problem(self, name: str, text: str) -> None:
        """Note something that can't be used."""
        self.found.problems.append(Problem(name.rstrip("/"), text))


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
