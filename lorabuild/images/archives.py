"""Zip archives: their pictures, and the words and masks beside these, are unpacked into a folder of ours.

An archive may come from anybody. Nothing is written outside the folder, no link is made, and what would grow without
measure is stopped while it grows: sizes that an archive says of itself are not believed.
"""

from __future__ import annotations

import errno
import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lorabuild.core.files import write_plain
from lorabuild.core.trouble import passing
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

MOST_ENTRIES = 200_000
MOST_BYTES = 512 << 20  # of one picture; the largest that is read at all has a quarter of a gigabyte of pixels
MOST_TEXT = 1 << 20
RATIO, FREE = 200, 16 << 20  # an entry may grow so many times, or to so many bytes
TOTAL_RATIO, TOTAL_FREE = 20, 1 << 30  # likewise all of them
TEXTS = (".txt", ".json", ".jsonl", ".csv")
NO_ARCHIVE = "it is no zip archive, or damaged: {}"
FULL = f"the archive grows to more than {TOTAL_RATIO} times its size and 1 GB: it is left out from here on"
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_BAD = frozenset('<>:"|?*')
_NAMES = frozenset({errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EINVAL})


class _RefusedError(Exception):
    """Why an entry is left out."""


class _FullError(_RefusedError):
    """Why all that follows is left out, too."""


def unpack(archive: Path, folder: Path, more: Collection[str] = ()) -> dict[str, str]:
    """Unpack what belongs to pictures.

    Args:
        archive: a zip file.
        folder: where to; it is there and empty.
        more: endings of further texts that belong to pictures.

    Returns:
        What was left out → why: entry by entry, or under ``""`` the archive itself.

    Raises:
        OSError: the folder can't be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return _entries(opened, folder, (*SUFFIXES, *TEXTS, *more), archive.stat().st_size)
    except _DAMAGED as error:
        return {"": NO_ARCHIVE.format(error)}
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place in the file that can't be
            raise
        return {"": NO_ARCHIVE.format(error.strerror)}


def _entries(opened: zipfile.ZipFile, folder: Path, endings: tuple[str, ...], size: int) -> dict[str, str]:
    """Entry by entry, in the order of their names."""
    found = opened.infolist()
    if len(found) > MOST_ENTRIES:
        return {"": f"it has {len(found)} entries, more than the {MOST_ENTRIES} that are read"}
    refused, seen, left = dict[str, str](), set[str](), TOTAL_RATIO * size + TOTAL_FREE
    for entry in sorted(found, key=lambda entry: entry.filename):
        name = entry.filename.replace("\\", "/")
        if entry.is_dir() or not name.lower().endswith(endings) or _hidden(name):
            continue
        try:
            if name in seen:
                raise _RefusedError("the archive has a second entry of this name")  # noqa: TRY301
            left -= _unpacked(opened, entry, folder, _place(name), left)
            seen.add(name)
        except _RefusedError as error:
            refused[name] = str(error)
            if isinstance(error, _FullError):
                break
    return refused


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") and part.strip(".") for part in parts) or "__MACOSX" in parts


def _place(name: str) -> PurePosixPath:
    """Where an entry goes, below the folder. Raises ``_RefusedError``."""
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or name[1:2] == ":":
        raise _RefusedError("its name leads out of the archive")
    if not name.isprintable() or _BAD & set(name):
        raise _RefusedError("its name has characters that can't stand in the name of a file everywhere")
    return place


def _unpacked(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, place: PurePosixPath, left: int) -> int:
    """Write one entry; its size. Raises ``_RefusedError``, and OSError where it is not the entry's fault."""
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise _RefusedError("it is a link or a device, which is not followed")
    if entry.flag_bits & 1:
        raise _RefusedError("it is encrypted: unpack the archive with its password, and name the folder")
    try:
        data = b"".join(_read(opened, entry, place, left))
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and passing(error):
            raise
        raise _RefusedError(f"it is damaged, or packed in a way that is not read here: {error}") from error
    target = folder / place
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise _RefusedError("the archive has another entry of this name on this disk")
        write_plain(target, data)
        target.chmod(0o444)
    except OSError as error:
        if passing(error) or error.errno not in _NAMES:
            raise
        raise _RefusedError(f"it can't be a file of this name here: {error.strerror}") from error
    return len(data)


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, place: PurePosixPath, left: int) -> Iterator[bytes]:
    """The bytes of an entry, as far as they are within measure."""
    picture = place.suffix.lower() in SUFFIXES
    most = min(MOST_BYTES, max(RATIO * entry.compress_size, FREE)) if picture else MOST_TEXT
    total = 0
    with opened.open(entry) as packed:
        while piece := packed.read(1 << 20):
            total += len(piece)
            if total > left:
                raise _FullError(FULL)
            if total > most:
                raise _RefusedError(f"it grows to more than {most >> 20} MB from {entry.compress_size} bytes")
            yield piece
