"""The exception tree. Deep code raises one of these; only cli.main turns them into text and an exit code.

LorabuildError            exit 1  a stage failed, the disk is full, the store is busy
├── ProjectError          exit 2  lora.yaml, the command line, a folder or a model is wrong
├── DifferenceError       exit 3  --locked or verify found a difference
├── StoreError            exit 1  the store can't be written or read
│   ├── BlobError                 one blob is missing or damaged (callers treat it as a miss)
│   └── BusyError                 another build holds the store
└── StageError            exit 1  a stage could not do its work
"""

from __future__ import annotations


class LorabuildError(Exception):
    """What happened, where, and what to do next, in a person's words.

    Attributes:
        what: one sentence, with the user's own words in it.
        where: ``lora.yaml:12:5 training.los`` or a path; empty when there is no place to point at.
        next_step: what to type or write; empty when nothing can be done.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.next_step = what, where, next_step

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  → {self.next_step}" if self.next_step else ""
        return f"{place}{self.what}{hint}"


class ProjectError(LorabuildError):
    """The project or the command line is wrong."""

    exit_code = 2


class DifferenceError(LorabuildError):
    """--locked or verify found a difference."""

    exit_code = 3


class StoreError(LorabuildError):
    """The store can't be written or read."""


class BlobError(StoreError):
    """A blob is missing or damaged; it counts as a miss and is made again."""


class BusyError(StoreError):
    """Another build holds the store."""


class StageError(LorabuildError):
    """A stage could not do its work."""
