"""Results elsewhere: a store that several projects or people share, kept as objects (``core.objects``).

``v1/ac/<stage>/<digest>`` is an index: results with what was made, and where their blobs lie; ``v1/cas/ab/<digest>`` is
a pack of small blobs, or one large one. Every object stands under the digest of its bytes and is never changed; blobs
are written first and the index last, so that a killed writer leaves nothing half said. Blobs are proved by their
digest when they arrive; results by their signature, where there is a key.

Requests, for 10,000 results of 4 kB that one build made: offering takes two for each of 2 packs and 2 for their
indexes; getting them takes 1 for a thousand indexes, 1 for each index that this machine has not seen, 1 for each of
the 2 packs (32 MB at most; blobs of 1 MB and more are objects of their own), as many at once as the file system can do.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from lorabuild.core import packs
from lorabuild.core.digest import digest
from lorabuild.core.files import write_plain
from lorabuild.core.objects import Span
from lorabuild.core.packs import Entry, Packer
from lorabuild.core.remote import plainly
from lorabuild.core.signing import is_signed, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.item import Result
    from lorabuild.core.objects import Objects

MOST = 5000  # results that one index names
AT_ONCE = 100  # indexes
_T = TypeVar("_T")


@dataclass
class Elsewhere:
    """One place for one build. After its first fault it is left alone: nothing comes from it, nothing goes to it.

    Attributes:
        name: what a person calls it.
        address: where it is, in one spelling.
        opening: gives the objects, at the first use.
        writable: whether results may be offered.
        key: signs and proves results; without one all are taken as they are.
        seen: a folder that keeps the indexes that were read before; None where reading them again costs nothing.
        say: takes a warning: its code and its text.
    """

    name: str
    address: str
    opening: Callable[[], Objects]
    writable: bool
    key: bytes | None
    seen: Path | None
    say: Callable[[str, str], None]
    closed: bool = False
    told: set[str] = field(default_factory=set)
    spoilt: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    listed: dict[str, Mapping[str, int]] = field(default_factory=dict)
    place: Objects | None = None

    def get(self, stage: str, wanted: Collection[str], write: Callable[[bytes], object]) -> Iterator[list[Result]]:
        """Results under these keys, a group at a time, once their blobs were proved and written; those that it has.

        Args:
            stage: their stage.
            wanted: their keys.
            write: takes the bytes of a blob.
        """
        known = self._known(stage, wanted)
        hurt: set[str] = set()
        while known:
            given: set[str] = set()
            for group in packs.groups([entries.pop(0) for entries in known.values()]):
                blobs = self._blobs(group, write)
                whole = [one.result for one in group if blobs.issuperset(one.result.outputs.values())]
                given.update(result.key for result in whole)
                hurt.update(one.result.key for one in group if self.damaged & one.spans.keys())
                if whole:
                    yield whole
            # where one entry's blobs are gone or damaged, another may have them
            known = {key: entries for key, entries in known.items() if entries and key not in given}
            hurt -= given
        if hurt:
            self._tell_damaged()

    def offer(self, stage: str, results: Iterable[Result], read: Callable[[str], bytes]) -> int:
        """Bring results there that aren't there yet; those that were set aside are nobody else's business.

        Args:
            stage: their stage.
            results: the results.
            read: gives the bytes of a blob.

        Returns:
            How many were brought.
        """
        good = {result.key: result for result in results if result.problem is None}
        there = self._known(stage, good)
        new = [good[key] for key in sorted(good) if key not in there or self.spoilt & {*good[key].outputs.values()}]
        for start in range(0, len(new), MOST):
            self._bring(stage, new[start : start + MOST], read)
        return 0 if self.closed else len(new)

    def _bring(self, stage: str, results: Sequence[Result], read: Callable[[str], bytes]) -> None:
        """Blobs first, the index that names them last."""
        packer = Packer(self._put)
        for result in results:
            for blob in dict.fromkeys(result.outputs.values()):
                if not self.closed:
                    packer.add(blob, read(blob))
        packer.close()
        if not self.closed:
            index = packs.write_index(self._entry(result, packer.spans) for result in results)
            self._put(f"{packs.index_folder(stage)}/{digest(index)[3:]}", index)

    def _entry(self, result: Result, spans: Mapping[str, Span]) -> Entry:
        signature = sign(self.key, result) if self.key else ""
        return Entry(result, {blob: spans[blob] for blob in result.outputs.values()}, signature)

    def _put(self, name: str, data: bytes) -> None:
        """Write an object, unless it is there as it should be; one of another size is what a killed writer left."""
        held = self._ask(lambda place: (place.size(name),))
        if held and (held[0] != len(data) or name in self.spoilt):
            self._ask(lambda place: place.write(name, data, replace=held[0] is not None))

    def _known(self, stage: str, wanted: Collection[str]) -> dict[str, list[Entry]]:
        """Key → the entries that name it and may be believed, those of the first index first."""
        if stage not in self.listed and wanted:
            listed = self._ask(lambda place: place.names(packs.index_folder(stage))) or {}
            self.listed[stage] = {name: size for name, size in listed.items() if packs.is_index(name, stage)}
        found: dict[str, list[Entry]] = {}
        for data in self._indexes(self.listed.get(stage, {})):
            try:
                entries = packs.read_index(data, stage, wanted)
            except ValueError:
                self._tell_damaged()
                continue
            for entry in entries:
                if self._believed(entry):
                    found.setdefault(entry.result.key, []).append(entry)
        return found

    def _believed(self, entry: Entry) -> bool:
        """Whether a result may be taken: with a key, only what was signed with it for this very result."""
        if self.key is None or is_signed(self.key, entry.result, entry.signature):
            return True
        how = "is not signed" if not entry.signature else "is not signed with your key, or was altered"
        self._warn(
            "unsigned", f"{self.name}: a result of {entry.result.stage} ({entry.result.key}) {how}; such are not used"
        )
        return False

    def _indexes(self, listed: Mapping[str, int]) -> Iterator[bytes]:
        """The bytes of the listed indexes, proved."""
        names = sorted(listed)
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            kept = {name: data for name in some if (data := self._seen(name)) is not None}
            spans = [Span(name, 0, listed[name]) for name in some if name not in kept]
            for span, data in zip(spans, self._read(spans), strict=True):
                if data is not None and digest(data) == _proof(span.name):
                    kept[span.name] = data
                    self._see(span.name, data)
                elif data is not None:
                    self.spoilt.add(span.name)
                    self._tell_damaged()
            yield from (kept[name] for name in some if name in kept)

    def _blobs(self, group: Sequence[Entry], write: Callable[[bytes], object]) -> set[str]:
        """Write the blobs of some entries, as far as they are there and are what they should be; which these are."""
        spans = {blob: span for entry in group for blob, span in entry.spans.items()}
        inside: dict[Span, list[str]] = {}
        for blob, around in packs.reads(spans).items():
            inside.setdefault(around, []).append(blob)
        found: set[str] = set()
        for asked in packs.portions(inside):
            for around, read in zip(asked, self._read(asked), strict=True):
                for blob in inside[around]:
                    start = spans[blob].start - around.start
                    data = b"" if read is None else read[start : start + spans[blob].size]
                    if digest(data) == blob:
                        write(data)
                        found.add(blob)
                    else:
                        self.spoilt |= {blob, around.name}
                        self.damaged |= {blob} if read is not None else set()
        return found

    def _read(self, spans: Sequence[Span]) -> list[bytes | None]:
        return (self._ask(lambda place: place.read(spans)) if spans else None) or [None] * len(spans)

    def _seen(self, name: str) -> bytes | None:
        """An index that this machine has read before."""
        if self.seen:
            with suppress(OSError):
                data = (self.seen / name.rpartition("/")[2]).read_bytes()
                return data if digest(data) == _proof(name) else None
        return None

    def _see(self, name: str, data: bytes) -> None:
        if self.seen:
            with suppress(OSError):
                self.seen.mkdir(parents=True, exist_ok=True)
                write_plain(self.seen / name.rpartition("/")[2], data)

    def _ask(self, work: Callable[[Objects], _T]) -> _T | None:
        """Do something at the place; None once it has failed, which is said once."""
        if self.closed:
            return None
        try:
            if self.place is None:
                self.place = self.opening()
            return work(self.place)
        except Exception as error:  # noqa: BLE001 – whatever goes wrong elsewhere, the build goes on here
            self.closed = True
            self._warn("elsewhere", f"{self.name} {plainly(error)}; going on without it")
            return None

    def _tell_damaged(self) -> None:
        self._warn("damaged", f"{self.name}: something there is damaged and is not used; it is made again here")

    def _warn(self, code: str, text: str) -> None:
        if code not in self.told:
            self.told.add(code)
            self.say(code, text)


def _proof(name: str) -> str:
    return "b3:" + name.rpartition("/")[2]
