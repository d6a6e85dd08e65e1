"""What a build was made from and on what: models, digests, devices and versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEVICE = ("device", "dtype", "threads")


@dataclass(frozen=True, slots=True)
class Model:
    """A model: what it is for, where it comes from, its revision, and (part, digest) of its files."""

    what: str
    source: str
    revision: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it all comes from.

    Attributes:
        digests: (what, digest): what tells this build from any other.
        models: what was loaded.
        machines: (stages, what they ran on), alike ones together.
    """

    digests: tuple[tuple[str, str], ...] = ()
    models: tuple[Model, ...] = ()
    machines: tuple[tuple[str, str], ...] = ()


def origin(reads: Mapping[str, Any]) -> Origin:
    """From what the report stage reads; what it isn't told is left out."""
    known = (
        ("lora.lock", reads.get("lock")),
        ("Settings", reads.get("settings")),
        ("Train key", reads["train_key"]),
    )
    return Origin(
        digests=tuple((what, digest) for what, digest in known if digest),
        models=tuple(_model(what, model) for what, model in reads.get("models", {}).items()),
        machines=tuple(_machines(reads.get("record", {}))),
    )


def _model(what: str, model: Mapping[str, Any]) -> Model:
    return Model(what, model["source"] or "", model.get("revision") or "", tuple(model["parts"].items()))


def _machines(records: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterable[tuple[str, str]]:
    stages: dict[str, list[str]] = {}
    for stage, made in records.items():
        for record in made:
            stages.setdefault(_said(record), []).append(stage)
    return ((", ".join(names), text) for text, names in stages.items())


def _said(record: Mapping[str, Any]) -> str:
    """``cpu, float32, 1 thread · Linux x86_64 · torch 2.13.0``."""
    threads = record.get("threads")
    device = [str(record[word]) for word in DEVICE[:2] if record.get(word)]
    device += [f"{threads} thread{'s' * (threads != 1)}"] if threads else []
    versions = (f"{name} {record[name]}" for name in ("torch", "diffusers", "transformers") if record.get(name))
    return " · ".join(filter(None, (", ".join(device), record.get("machine", ""), ", ".join(versions))))
