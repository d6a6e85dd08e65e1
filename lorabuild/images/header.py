"""The size of a picture from its header alone, without decoding it and without Pillow: a preview before the scan."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lorabuild.images import magic

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_TURNED = (5, 6, 7, 8)
_ORIENTATION = 0x0112
_SHORT = 3


def size(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """(width, height) after the EXIF turn, or None where the header does not say."""
    try:
        with Path(path).open("rb") as file:
            return _size(file)
    except (OSError, struct.error):
        return None


def _size(file: BinaryIO) -> tuple[int, int] | None:
    import imagesize  # late: it brings urllib along

    kind = magic.kind(file.read(magic.HEAD))
    if kind not in magic.READABLE:
        return None
    file.seek(0)
    width, height = imagesize.get(file)
    if width < 1 or height < 1:
        return None
    chunks = {"PNG": _png_chunks, "WebP": _webp_chunks}.get(kind)
    if chunks and any(_orientation(exif) in _TURNED for exif in chunks(file)):
        return height, width
    return width, height


def _png_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Contents of eXIf chunks: imagesize does not look at them."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"eXIf":
            yield file.read(length)
            return
        file.seek(length + 4, 1)


def _webp_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Contents of EXIF chunks, without the prefix that some writers put before them."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        if name == b"EXIF":
            yield file.read(length).removeprefix(b"Exif\0\0")
            return
        file.seek(length + length % 2, 1)


def _orientation(exif: bytes) -> int:
    """The orientation tag of a TIFF directory; 1 where it has none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    start = struct.unpack_from(order + "I", exif, 4)[0]
    entries = struct.unpack_from(order + "H", exif, start)[0]
    for entry in range(entries):
        tag, kind, _count, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * entry)
        if (tag, kind) == (_ORIENTATION, _SHORT):
            return int(value)
    return 1
