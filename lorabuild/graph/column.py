"""Very many finished items of a stage in a few large pieces: faster to read and to write than as many small ones."""

from __future__ import annotations

import marshal
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

SIZE = 32  # bytes of a digest
Held = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Column:
    """Finished items, each with its key and its outputs.

    Attributes:
        ids: what the items are called.
        keys: their keys, raw, one behind the other.
        outputs: name of an output → their digests, raw, one behind the other.
        marks: for each item one byte, the number of the record that tells on what it was made.
        told: for each item its facts, packed, where planning reads them of this stage.
    """

    ids: list[str] = field(default_factory=list)
    keys: bytes = b""
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    marks: bytes = b""
    told: list[bytes] = field(default_factory=list)

    @staticmethod
    def of(
        held: Mapping[str, Held], names: Iterable[str] = (), marks: Iterable[int] = (), facts: Iterable[Any] = ()
    ) -> Column:
        """The items of a mapping, with these of their outputs. Raises ValueError for a mark above 255."""
        keys = b"".join(raw(key) for key, _ in held.values())
        outputs = {name: b"".join(raw(made[name]) for _, made in held.values()) for name in names}
        return Column(list(held), keys, outputs, bytes(marks), [marshal.dumps(one) for one in facts])

    def __len__(self) -> int:
        return len(self.ids)

    def items(self) -> Iterator[tuple[str, Held]]:
        """Item id, key and outputs."""
        outputs = {name: split(made) for name, made in self.outputs.items()}
        for place, (name, key) in enumerate(zip(self.ids, split(self.keys), strict=True)):
            yield name, (f"b3:{key.hex()}", {output: f"b3:{made[place].hex()}" for output, made in outputs.items()})

    def facts(self) -> Iterator[tuple[str, Any]]:
        """Item id and what was told of it."""
        return zip(self.ids, map(marshal.loads, self.told), strict=True)  # our own, read with a checksum

    def less(self, names: Container[str]) -> Column:
        """The same without some items."""
        return self._without([place for place, name in enumerate(self.ids) if name in names])

    def only(self, names: Container[str]) -> Column:
        """Of these items those that are there."""
        return self._without([place for place, name in enumerate(self.ids) if name not in names])

    def plus(self, other: Column) -> Column:
        """Both, one behind the other. Raises ValueError when they have other outputs."""
        if not (len(self) and len(other)):
            return self if len(self) else other
        if self.outputs.keys() != other.outputs.keys():
            raise ValueError("the outputs differ")
        outputs = {name: made + other.outputs[name] for name, made in self.outputs.items()}
        told = self.told + other.told
        return Column(self.ids + other.ids, self.keys + other.keys, outputs, self.marks + other.marks, told)

    def _without(self, places: list[int]) -> Column:
        if not places:
            return self
        edges = [-1, *places, len(self.ids)]
        spans = [(before + 1, after) for before, after in pairwise(edges)]
        return Column(
            [name for start, end in spans for name in self.ids[start:end]],
            _cut(self.keys, spans),
            {name: _cut(made, spans) for name, made in self.outputs.items()},
            _cut(self.marks, spans, 1),
            [one for start, end in spans for one in self.told[start:end]],
        )


def _cut(pieces: bytes, spans: list[tuple[int, int]], size: int = SIZE) -> bytes:
    return b"".join(pieces[start * size : end * size] for start, end in spans)


def split(pieces: bytes) -> list[bytes]:
    """The raw digests one by one."""
    return [pieces[start : start + SIZE] for start in range(0, len(pieces), SIZE)]


def raw(digest: str) -> bytes:
    """The 32 bytes of a ``b3:`` digest."""
    return bytes.fromhex(digest[3:])
