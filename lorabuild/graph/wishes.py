"""How a build is wanted: what the command line said, in one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorabuild.core.consent import Person
    from lorabuild.core.nullindex import Seen


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a build is wanted.

    Attributes:
        targets: stages to go up to; none means all.
        locked: fail when lora.lock would change.
        wait: wait for another build, instead of failing.
        rehash: read every file again, whatever its stat says.
        date: SOURCE_DATE_EPOCH, where a person fixed the date that the files carry.
        fresh: train from the start, whatever was trained before.
        parent: key of the training to go on from, for ``verify``.
        variant: the one variant that is built; empty for none of them, None for the project and all of them.
        seen: made before lora.yaml was read, for the null index; without it none is written.
        person: who builds; without one nothing is shared and nothing outside the project may be written to.
    """

    targets: tuple[str, ...] = ()
    locked: bool = False
    wait: bool = True
    rehash: bool = False
    date: int | None = None
    fresh: bool = False
    parent: str | None = None
    variant: str | None = None
    seen: Seen | None = None
    person: Person | None = None
