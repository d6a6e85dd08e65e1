"""Consent: what a lora.yaml may do outside its project only once the person has allowed it for that project.

It is kept in the person's own folder and holds for one project folder and one target, so that a lora.yaml that came
with somebody else's project can't lean on what was allowed to another.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lorabuild.core.files import write_atomic
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Person:
    """What is a person's own and belongs to no project.

    Attributes:
        cache: folder for what can be made again; the shared store lies there.
        config: folder for what was decided once.
        environ: variables that lora.yaml may name.
        allows: targets that are allowed for this run, without being asked for.
    """

    cache: Path
    config: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    allows: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Want:
    """What a project wants: ``doing`` (``write results to``) and its ``target``, an address or an absolute folder."""

    doing: str
    target: str


def answer(person: Person, project: Path, want: Want) -> bool | None:
    """What the person said to this; None when it was never asked."""
    if want.target in person.allows:
        return True
    said = _read(person).get(_name(project), {}).get(f"{want.doing} {want.target}")
    return said if isinstance(said, bool) else None


def settle(person: Person, project: Path, want: Want, *, allowed: bool) -> None:
    """Remember what the person said. Raises StoreError."""
    said = _read(person)
    said.setdefault(_name(project), {})[f"{want.doing} {want.target}"] = allowed
    with trouble("remember what you allowed", person.config):
        person.config.mkdir(parents=True, exist_ok=True)
    write_atomic(_file(person), json.dumps(said, indent=1, sort_keys=True).encode("ascii") + b"\n")


def _file(person: Person) -> Path:
    return person.config / "consent.json"


def _read(person: Person) -> dict[str, dict[str, bool]]:
    """Project → want → answer. What can't be read allows nothing."""
    with suppress(OSError, ValueError):
        said = json.loads(_file(person).read_bytes())
        if isinstance(said, dict):
            return {name: wants for name, wants in said.items() if isinstance(wants, dict)}
    return {}


def _name(project: Path) -> str:
    return str(project.resolve())
