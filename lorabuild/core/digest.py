"""Digests and keys: what makes two inputs the same. BLAKE3-256, always written ``b3:<64 hex>``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = 1 << 20
_HUGE = 64 << 20
_encode = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":")).encode


def digest(data: bytes) -> str:
    """The digest of some bytes."""
    return "b3:" + blake3(data).hexdigest()


def file_digest(path: str | os.PathLike[str]) -> str:
    """The digest of a file that nobody is writing to. Raises OSError."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return descriptor_digest(opened)
    finally:
        os.close(opened)


def descriptor_digest(opened: int) -> str:
    """The digest of what an open descriptor still has to give.

    Reads instead of mapping: a mapped file that is cut short under our hands would kill the process.
    """
    size = os.fstat(opened).st_size
    hasher = blake3(max_threads=blake3.AUTO if size >= _HUGE else 1)
    want = 16 * _PIECE if size >= _HUGE else min(_PIECE, size + 1)
    while piece := os.read(opened, want):
        hasher.update(piece)
    return "b3:" + hasher.hexdigest()


def canonical(obj: Any) -> bytes:
    """One spelling for equal values: sorted JSON in ASCII, tuples as lists; names are strings.

    Raises ValueError for NaN and infinities, TypeError for anything that JSON does not know.
    """
    return _encode(obj).encode("ascii")


def make_key(stage: str, version: int, parts: Mapping[str, Any]) -> str:
    """The key of an item: digest over the stage, its version and the named parts that may change the result."""
    return digest(b"lorabuild key\n" + canonical([stage, version, dict(parts)]))


def short(whole: str) -> str:
    """The first 12 hex digits of a digest, for people."""
    return whole.removeprefix("b3:")[:12]
