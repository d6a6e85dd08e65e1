"""Why something is done: the named parts of a key, then and now, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lorabuild.core.digest import short

MISSING = object()
SHOWN = 6  # hex digits of a digest
UNSET = tuple(f": {when} {what}" for when in ("new,", "gone, was") for what in ("none", "empty"))


def reasons(then: Mapping[str, Any] | None, now: Mapping[str, Any], *, had_result: bool, thing: str = "") -> list[str]:
    """What changed between two sets of key parts.

    Args:
        then: the parts when the item was last made; None when it never was.
        now: the parts of today's key.
        had_result: whether a result for today's key was recorded (its blobs are gone or damaged).
        thing: what the item is, ``file``; empty where there is no one word for it.
    """
    if had_result:
        return ["result missing from the store"]
    if then is None:
        return [f"new {thing}".rstrip()]
    return _ordered(_differences("", then, now)) or ["result missing from the store"]


def changes(then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What changed of the parts that are known now, the others being still open."""
    return _ordered(_differences("", {name: value for name, value in then.items() if name in now}, now)) if then else []


def _ordered(found: Iterable[str]) -> list[str]:
    """Another ``type`` first, since other words come and go with it; those that were and are unset only where alone."""
    every = sorted(found, key=lambda text: not text.partition(" ")[0].endswith(".type"))
    return [text for text in every if not text.endswith(UNSET)] or every


def _differences(place: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        before, after = then.get(name, MISSING), now.get(name, MISSING)
        label = f"{place}.{name}" if place else name
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(label, before, after)
        elif before is MISSING:
            yield f"{label}: new, {shown(after)}"
        elif after is MISSING:
            yield f"{label}: gone, was {shown(before)}"
        else:
            yield f"{label} {shown(before)} → {shown(after)}"


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("b3:")


def shown(value: Any) -> str:
    """A value as a person reads it; digests are shortened, long things too."""
    if _is_digest(value):
        return f"b3:{short(value)[:SHOWN]}…"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        text = ", ".join(shown(part) for part in value)
    elif isinstance(value, Mapping):
        text = ", ".join(f"{name} {shown(part)}" for name, part in value.items() if part)
    else:
        text = str(value)
    return (text or "empty") if len(text) <= 120 else f"{text[:119]}…"
