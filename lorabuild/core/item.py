"""The records that pass between plan, engine and stages: an item, its result, the door through which a stage writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work of a stage.

    Attributes:
        id: what a person calls it (a path in the project, ``epoch 3 · zorbl, forest``); never part of the key.
        key: ``b3:<64 hex>`` over everything that may change the result, and nothing else.
        parts: the named, JSON-able parts that the key was made of, for ``why``.
        reads: what ``run`` needs to do the work: digests of blobs, texts, absolute paths, numbers; never part of the
            key by itself.
    """

    id: str
    key: str
    parts: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage made of an item.

    Attributes:
        key: the item's key.
        stage: the stage's name.
        outputs: name → ``b3:`` digest of a blob in the store.
        facts: small JSON-able values that planning reads without opening blobs (width, caption, repeats).
        parts: the item's named key parts, kept for ``why``.
        record: on what it was made (device, dtype, threads, versions); bytes are promised only between equal records.
        problem: why this item was set aside, in a person's words; such a result has no outputs.
        seconds: wall time that it took (a batch's time divided by its items).
    """

    key: str
    stage: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
    seconds: float = 0.0


class Outputs(Protocol):
    """The store as a stage sees it. Results are committed in batches; a kill loses at most the batch under way."""

    def read(self, digest: str) -> bytes:
        """The bytes of a blob, verified. Raises ``BlobError`` when it is missing or damaged."""
        ...

    def read_each(self, digests: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many blobs, one after the other: sooner than each by itself where they are small."""
        ...

    def write(self, data: bytes) -> str:
        """Store bytes, return their ``b3:`` digest."""
        ...

    def done(
        self,
        item: Item,
        outputs: Mapping[str, str] | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """Say that an item is finished; committed with its batch."""
        ...

    def aside(self, item: Item, problem: str) -> None:
        """Set an item aside: remembered until its key changes, named in every report, never a crash."""
        ...

    def scratch(self, key: str) -> Path:
        """A private folder for resumable work under this key, e.g. training state."""
        ...
