"""Counted randomness: a number for a name, so that order, resume and the number of workers cannot change a result."""

from __future__ import annotations

import struct
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


def counts(number: int, *parts: Any) -> tuple[int, ...]:
    """So many numbers in [0, 2**64), see ``count``; the first ones are the same however many are asked for."""
    drawn = blake3(b"lorabuild counts\n" + canonical(parts)).digest(length=8 * number)
    return struct.unpack(f"<{number}Q", drawn)


def units(number: int, *parts: Any) -> list[float]:
    """So many numbers in [0, 1), see ``unit`` and ``counts``."""
    return [(whole >> 11) * 2.0**-53 for whole in counts(number, *parts)]
