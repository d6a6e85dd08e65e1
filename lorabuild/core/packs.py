"""Packs: many small blobs as one object, and the index that says which results there are and where their blobs lie.

Both stand under the digest of their own bytes. So an object never changes, two writers of one name write the same, and
a torn or altered one is noticed by whoever reads it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lorabuild.core.digest import canonical, digest
from lorabuild.core.item import Result
from lorabuild.core.objects import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

ALONE = 1 << 20  # a blob of this size is an object of its own, which every pack may name
FULL = 32 << 20
GAP = 256 << 10  # bytes that are read along sooner than asked for apart
_HEX = frozenset("0123456789abcdef")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A result that is kept elsewhere: where its blobs lie, and the signature of who made it."""

    result: Result
    spans: Mapping[str, Span]
    signature: str = ""

    @property
    def size(self) -> int:
        """Bytes of all its blobs."""
        return sum(span.size for span in self.spans.values())


def blob_place(name: str) -> str:
    """Where the object of a pack or of a large blob stands."""
    text = name.removeprefix("b3:")
    return f"v1/cas/{text[:2]}/{text}"


def index_folder(stage: str) -> str:
    """Where the indexes of a stage stand."""
    return f"v1/ac/{stage}"


def is_index(name: str, stage: str) -> bool:
    """Whether something there is an index of a stage, by its name."""
    folder, _, text = name.rpartition("/")
    return folder == index_folder(stage) and _is_digest("b3:" + text)


@dataclass
class Packer:
    """Lays blobs out as objects. ``put`` takes each object as soon as it is full: name, bytes."""

    put: Callable[[str, bytes], None]
    spans: dict[str, Span] = field(default_factory=dict)
    pack: dict[str, bytes] = field(default_factory=dict)
    size: int = 0

    def add(self, name: str, data: bytes) -> None:
        """Take one more blob."""
        if name in self.spans or name in self.pack:
            return
        if len(data) >= ALONE:
            self.spans[name] = Span(blob_place(name), 0, len(data))
            self.put(blob_place(name), data)
            return
        self.pack[name] = data
        self.size += len(data)
        if self.size >= FULL:
            self.close()

    def close(self) -> None:
        """Put what is begun."""
        if self.pack:
            data = b"".join(self.pack.values())
            place, start = blob_place(digest(data)), 0
            for name, blob in self.pack.items():
                self.spans[name] = Span(place, start, len(blob))
                start += len(blob)
            self.put(place, data)
            self.pack, self.size = {}, 0


def write_index(entries: Iterable[Entry]) -> bytes:
    """The bytes of an index. Equal records stand in it once."""
    records: dict[bytes, int] = {}
    rows = []
    for entry in sorted(entries, key=lambda entry: entry.result.key):
        made = entry.result
        record = records.setdefault(canonical(dict(made.record)), len(records))
        spans = {blob: [span.name, span.start, span.size] for blob, span in entry.spans.items()}
        rows.append([made.key, dict(made.outputs), dict(made.facts), record, entry.signature, spans])
    return canonical({"records": [json.loads(record) for record in records], "results": rows})


def read_index(data: bytes, stage: str, wanted: Collection[str]) -> list[Entry]:
    """The entries under the wanted keys. Raises ValueError for what is no index."""
    try:
        body = json.loads(data, parse_constant=_no_number)
        return [_entry(row, stage, body["records"]) for row in body["results"] if row[0] in wanted]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("this is no index") from error


def _no_number(text: str) -> None:
    raise ValueError(text)


def _entry(row: Sequence[Any], stage: str, records: Sequence[Mapping[str, Any]]) -> Entry:
    key, outputs, facts, record, signature, places = row
    spans = {blob: Span(*place) for blob, place in places.items()}
    for blob in outputs.values():
        span = spans[blob]
        if not _is_digest(blob) or span.start < 0 or span.size < 0 or not _is_place(span.name):
            raise ValueError(key)
    return Entry(Result(key, stage, dict(outputs), dict(facts), record=dict(records[record])), spans, str(signature))


def _is_digest(text: str) -> bool:
    return text.startswith("b3:") and len(text) == 67 and _HEX.issuperset(text[3:])


def _is_place(name: str) -> bool:
    """Whether a name is one that we give: it leads nowhere else."""
    return _is_digest("b3:" + name.rpartition("/")[2]) and name == blob_place(name.rpartition("/")[2])


def reads(spans: Mapping[str, Span]) -> dict[str, Span]:
    """Blob → what to ask for to have it: neighbours in an object are read in one."""
    runs: list[list[str]] = []
    start = end = Span("", 0, 0)
    for blob in sorted(spans, key=lambda blob: (spans[blob].name, spans[blob].start)):
        span = spans[blob]
        if span.name == start.name and span.start - end.end <= GAP and span.end - start.start <= 2 * FULL:
            runs[-1].append(blob)
        else:
            runs.append([blob])
            start = span
        end = span
    around: dict[str, Span] = {}
    for run in runs:
        first, last = spans[run[0]], max(spans[blob].end for blob in run)
        around |= dict.fromkeys(run, Span(first.name, first.start, last - first.start))
    return around


def portions(spans: Iterable[Span], most: int = 2 * FULL) -> Iterator[list[Span]]:
    """As many at a time as fit into memory."""
    return _shared_out(spans, most, lambda span: span.size)


def groups(entries: Iterable[Entry], most: int = 2 * FULL) -> Iterator[list[Entry]]:
    """The entries in the order in which their blobs lie, so many at a time as are worth a commit."""
    return _shared_out(sorted(entries, key=_where), most, lambda entry: entry.size)


def _shared_out(things: Iterable[_T], most: int, size: Callable[[_T], int]) -> Iterator[list[_T]]:
    group: list[_T] = []
    room = most
    for thing in things:
        if group and size(thing) > room:
            yield group
            group, room = [], most
        group.append(thing)
        room -= size(thing)
    if group:
        yield group


def _where(entry: Entry) -> list[tuple[str, int]]:
    return sorted((span.name, span.start) for span in entry.spans.values())
