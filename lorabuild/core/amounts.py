"""Amounts as people write them: ``20GB``, ``24h``; and bytes as people read them."""

from __future__ import annotations

import re

SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
SIZES |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
TIMES = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_SHOWN = ("B", "kB", "MB", "GB", "TB")


def size(text: str) -> int:
    """Bytes: ``20GB``, ``1.5 GiB``, ``500`` (bytes). Raises ValueError in a person's words."""
    return int(_amount(text, SIZES, "a size; write it like 20GB or 500MB"))


def seconds(text: str) -> float:
    """A span of time: ``24h``, ``30m``, ``7d``; ``0`` needs no unit. Raises ValueError in a person's words."""
    return _amount("0s" if text.strip() == "0" else text, TIMES, "a span of time; write it like 24h, 30m or 7d")


def shown(count: float) -> str:
    """``312 kB``, ``1.2 GB``: three figures at most."""
    for unit in _SHOWN[:-1]:
        if count < 999.5:
            return f"{count:.1f} {unit}" if unit != "B" and count < 9.95 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} {_SHOWN[-1]}"


def _amount(text: str, units: dict[str, int], wanted: str) -> float:
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in units:
        raise ValueError(f"`{text}` is not {wanted}")
    return float(found[1]) * units[found[2]]
