"""A batch: the store as one stage sees it while it runs; a kill loses no more than the batch under way."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from lorabuild.core.item import Item, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from lorabuild.core.store import Store


BATCH = 32
"""Items that are committed together where a stage says no other number: what a kill loses at most."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Batch:
    """Collects a stage's results and commits them every 32 items or 5 seconds, and at the end, however the stage ends.

    ``ran`` counts the finished items, ``problems`` holds those that were set aside: item id → why.
    """

    def __init__(
        self,
        store: Store,
        stage: str,
        *,
        every: int = BATCH,
        seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store, self.stage, self.every, self.seconds = store, stage, every, seconds
        self.clock = clock
        self.ran, self.problems = 0, dict[str, str]()
        self.waiting: list[tuple[Item, Result]] = []
        self.begun = clock()

    def read(self, digest: str) -> bytes:
        """The bytes of a blob, verified. Raises BlobError."""
        return self.store.read(digest)

    def read_each(self, digests: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many blobs, one after the other, verified. Raises BlobError."""
        return self.store.read_each(digests)

    def write(self, data: bytes) -> str:
        """Take bytes in; they last once an item that names them is committed."""
        return self.store.write(data)

    def scratch(self, key: str) -> Path:
        """A private folder for resumable work under this key."""
        return self.store.scratch(key)

    def done(
        self,
        item: Item,
        outputs: Mapping[str, str] | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """An item is finished."""
        made = dict(outputs or {}), dict(facts or {}), item.parts, _NOTHING if record is None else record
        self._add(Result(item.key, self.stage, *made), item)

    def aside(self, item: Item, problem: str) -> None:
        """An item can't be done, and why."""
        self.problems[item.id] = problem
        self._add(Result(item.key, self.stage, parts=item.parts, problem=problem), item)

    def flush(self) -> None:
        """Commit what is finished. What can't be committed stays, to be tried again."""
        if self.waiting:
            seconds = round((self.clock() - self.begun) / len(self.waiting), 6)
            self.store.commit([result for _, result in self.waiting], seconds)
            self.store.remember(self.stage, [item for item, _ in self.waiting])
            self.waiting.clear()
        self.begun = self.clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        except KeyboardInterrupt:  # in the middle of it; what it was about is still there
            self.flush()
            raise

    def _add(self, result: Result, item: Item) -> None:
        self.waiting.append((item, result))
        self.ran += 1
        if len(self.waiting) >= self.every or self.clock() - self.begun >= self.seconds:
            self.flush()
