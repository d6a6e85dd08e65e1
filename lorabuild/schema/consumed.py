"""What of the settings goes into keys: every field by its dotted name, except those marked ``runtime_only``."""

from __future__ import annotations

from typing import Any

from lorabuild.schema.section import Section


def consumed(section: Section, place: str) -> dict[str, Any]:
    """Flatten a section to ``{"training.optimizer.lr": 0.0001, …}``, leaving out what changes no result.

    Args:
        section: any section of lora.yaml, or the whole project.
        place: dotted name of the section; empty for the whole project.
    """
    found: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("runtime_only"):
            continue
        if isinstance(extra, dict) and extra.get("quiet") and getattr(section, name) == field.default:
            continue
        label = ".".join(part for part in (place, field.alias or name) if part)
        found |= _flat(label, getattr(section, name))
    return found


def _flat(label: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Section):
        short = _short(value)
        return consumed(value, label) if short is None else {label: short}
    if isinstance(value, dict) and any(isinstance(entry, Section) for entry in value.values()):
        return {key: found for name, entry in value.items() for key, found in _flat(f"{label}.{name}", entry).items()}
    if isinstance(value, tuple):
        value = tuple(entry if (short := _short(entry)) is None else short for entry in value)
    if isinstance(value, tuple) and any(isinstance(entry, Section) for entry in value):
        numbered = ((f"{label}.{place}", entry) for place, entry in enumerate(value))
        return {key: found for name, entry in numbered for key, found in _flat(name, entry).items()}
    return {label: list(value) if isinstance(value, tuple) else value}


def _short(value: Any) -> Any:
    """The one word that a section says beside its defaults, if that has a short form; else None."""
    name = getattr(value, "SHORT", None)
    if name and all(
        getattr(value, word) == field.default for word, field in type(value).model_fields.items() if word != name
    ):
        return getattr(value, name)
    return None
