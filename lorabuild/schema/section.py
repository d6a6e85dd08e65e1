"""The record that every section of lora.yaml is: closed, frozen, its defaults on its fields."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A section of lora.yaml: unknown words are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def runtime_only(default: Any, description: str, **limits: Any) -> Any:
    """A field that changes how a build runs and never what it makes: it is part of no key."""
    return Field(default, description=description, json_schema_extra={"runtime_only": True}, **limits)


QUIET: dict[str, Any] = {"quiet": True}
"""Of a field that came later (``json_schema_extra``): at its default it is part of no key, so what was made stays."""


def frozen(value: Any) -> Any:
    """A person's own map without lists in it: they become tuples, as everywhere in a section."""
    if isinstance(value, dict):
        return {name: frozen(entry) for name, entry in value.items()}
    return tuple(frozen(entry) for entry in value) if isinstance(value, list | tuple) else value
