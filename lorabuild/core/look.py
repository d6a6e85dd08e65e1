"""How folders look: what a scan finds there, and what differs between two scans. Nothing is opened, only looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.stamps import Stamp, stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

PASSING = ("~", ".tmp", ".part", ".crdownload")  # what editors and downloads leave beside a file for a while
Wanted = Mapping[str, frozenset[str] | None]
"""Folder → the names in it that count; None: all that is not hidden, with the folders below."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one folder holds.

    Attributes:
        own: the folder's own stamp; None when it isn't there.
        files: name → stamp of what is there and counts.
        below: folders in it.
        links: folders in which the files lie that links here lead to.
    """

    own: Stamp | None
    files: dict[str, Stamp] = field(default_factory=dict)
    below: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()


Look = dict[str, Listing]


def look(wanted: Wanted, before: Look | None = None, dirty: Collection[str] = ()) -> Look:
    """How the wanted folders look now.

    Args:
        wanted: which folders, and what in them.
        before: an earlier look at the same; its folders are not read again unless they are dirty or look different.
        dirty: folders that must be read again.
    """
    found: Look = {}
    entered = set[tuple[int, int]]()
    # what is wanted whole comes first, as the last of the list is taken next
    ahead = sorted(wanted.items(), key=lambda item: item[1] is None)
    while ahead:
        folder, names = ahead.pop()
        own = _stamp(folder)
        if folder in found or (own and names is None and (own.inode, own.device) in entered):
            continue  # a link back up, or one folder inside another
        held = None if before is None or folder in dirty else before.get(folder)
        found[folder] = listing = held if held and held.own == own else _listing(folder, own, names)
        if own and names is None:
            entered.add((own.inode, own.device))
            ahead += [(path, None) for path in listing.below]
    return found


def changes(before: Look, after: Look) -> dict[str, Stamp | None]:
    """Path → its stamp now, None when it is gone, for every file that differs."""
    return dict(sorted(_changes(before, after)))


def places(seen: Look) -> dict[str, set[str]]:
    """Real folder in which something may happen → the folders whose listing that concerns."""
    found: dict[str, set[str]] = {}
    for folder, listing in seen.items():
        for place in (os.path.realpath(folder), *listing.links) if listing.own else ():
            found.setdefault(place, set()).add(folder)
    return found


def _changes(before: Look, after: Look) -> Iterator[tuple[str, Stamp | None]]:
    nothing = Listing(None)
    for folder in before.keys() | after.keys():
        then, now = before.get(folder, nothing).files, after.get(folder, nothing).files
        for name in () if then is now else then.keys() | now.keys():
            if then.get(name) != now.get(name):
                yield str(Path(folder, name)), now.get(name)


def _listing(folder: str, own: Stamp | None, names: frozenset[str] | None) -> Listing:
    if own is None:
        return Listing(None)
    if names is not None:
        there = {name: _stamp(str(Path(folder, name))) for name in names}
        return Listing(own, {name: mark for name, mark in there.items() if mark})
    try:
        with os.scandir(folder) as listing:
            return _sorted(own, [entry for entry in listing if _counts(entry.name)])
    except OSError:
        return Listing(own)  # closed to us: the build says so


def _counts(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(PASSING)


def _sorted(own: Stamp, entries: Iterable[os.DirEntry[str]]) -> Listing:
    """What a folder holds, by what it is."""
    files: dict[str, Stamp] = {}
    below, links = list[str](), set[str]()
    for entry in entries:
        if entry.is_dir():
            below.append(entry.path)
        elif mark := _stamp(entry.path):
            files[entry.name] = mark
            if entry.is_symlink():
                links.add(str(Path(os.path.realpath(entry.path)).parent))
    return Listing(own, files, tuple(below), frozenset(links))


def _stamp(path: str) -> Stamp | None:
    """The stamp of a file or folder, of the link itself where it leads nowhere; None when nothing is there."""
    for see in (os.stat, os.lstat):
        try:
            return stamp(see(path))
        except OSError:
            continue
    return None
