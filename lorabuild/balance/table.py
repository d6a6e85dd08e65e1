"""What the balance answers: the table that is shown before training and printed by ``plan --json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Apart:
    """Images of a concept that are shown more or less often than the rest: by their weight, or outright (``fixed``)."""

    images: int
    repeats: int
    weight: float
    fixed: bool


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A concept: its images, how often an epoch shows each, image steps an epoch, and the share it was meant to get.

    ``repeats`` are those of images of which nothing else is said, ``apart`` are the others (where all are, ``repeats``
    are those of the most); ``pictures``: images times resolutions, where some have several: each of them is repeated.
    """

    name: str
    images: int
    repeats: int
    per_epoch: int
    share: float
    pictures: int = 0
    apart: tuple[Apart, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON has it; ``pictures`` and ``apart`` only where they say something."""
        later = {"pictures": self.pictures, "apart": [asdict(one) for one in self.apart]}
        known = {name: value for name, value in asdict(self).items() if name not in later}
        return known | {name: value for name, value in later.items() if value}


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """How many image steps show a trigger, an epoch and in all; regularization images show none."""

    name: str
    per_epoch: int
    total: int


@dataclass(frozen=True, slots=True)
class TargetRow:
    """What a slider moves: the prompt, where strength 1 leads and where from, and its looks an epoch."""

    name: str
    positive: str
    negative: str
    action: str
    guidance: float
    per_epoch: int


@dataclass(frozen=True, slots=True)
class Steps:
    """Images seen in all (regularization images count too), updates of the weights, epochs."""

    image: int
    optimizer: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: a code to ignore it by, the concept, trigger or bucket, and what to do."""

    code: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The balance of a project. A slider has targets, and neither concepts nor triggers."""

    concepts: tuple[ConceptRow, ...]
    triggers: tuple[TriggerRow, ...]
    steps: Steps
    warnings: tuple[Finding, ...]
    batches_per_epoch: int
    regularization_per_epoch: int
    targets: tuple[TargetRow, ...] = ()

    @property
    def repeats(self) -> dict[str, int]:
        """Concept → repeats of images of which nothing else is said."""
        return {row.name: row.repeats for row in self.concepts}

    def as_dict(self) -> dict[str, Any]:
        """The table as JSON has it: dicts, lists, numbers, text; ``targets`` only of a slider."""
        rows = ("triggers", "warnings", *(("targets",) if self.targets else ()))
        plain = {**asdict(self), **{name: [asdict(row) for row in getattr(self, name)] for name in rows}}
        plain["concepts"] = [row.as_dict() for row in self.concepts]
        return {name: value for name, value in plain.items() if value != ()}
