"""Counted randomness: a number for a name, so that order, resume and the number of workers cannot change a result."""

from __future__ import annotations

from typing import Any

from blake3 import blake3

from lorabuild.core.digest import canonical


def count(*parts: Any) -> int:
    """A number in [0, 2**64), even and independent over its JSON-able parts, e.g. (seed, "noise", digest, visit)."""
    whole = blake3(b"lorabuild count\n" + canonical(parts)).digest(length=8)
    return int.from_bytes(whole, "little")


def unit(*parts: Any) -> float:
    """A number in [0, 1) with 53 random bits, see ``count``."""
    return (count(*parts) >> 11) * 2.0**-53
