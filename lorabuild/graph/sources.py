"""What ``sources:`` give: pictures with their names, words and masks, each into its concept.

A picture is called after its source, ``fanart.zip/a.png`` or ``ep01.mkv#000120``; what lies in the project is called as
it always is. From here on it is a file like any other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lorabuild.core.files import walk
from lorabuild.graph.source_words import laid_down, place, rows
from lorabuild.graph.unfolded import unfolded
from lorabuild.schema import source_places as words
from lorabuild.schema.suffixes import MOVING, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lorabuild.captions.listed import Listed, Often
    from lorabuild.core.nullindex import Seen
    from lorabuild.core.statcache import StatCache
    from lorabuild.core.store import Store
    from lorabuild.graph.masks import Told
    from lorabuild.schema.site import Site
    from lorabuild.schema.sources import Source

METADATA = ("metadata.jsonl", "metadata.csv")
OUT = "is a link that leads outside"


@dataclass(slots=True)
class Given:
    """What the sources hold.

    Attributes:
        names: picture → what it is called.
        members: concept → its pictures.
        words: picture → the file with its words, where a list or metadata has them.
        masks: picture → its mask.
        alone: pictures of lists: what lies beside them says nothing.
        refused: what can't be used → why.
        waiting: sources whose frames are only taken by a build.
        marks: source → the concept, the digest of its file (None: it has none), its pictures.
        used: folders of the store that something is unpacked into.
        often: name of a picture → weight and repeats that its list gives it.
    """

    names: dict[Path, str] = field(default_factory=dict)
    members: dict[str, list[Path]] = field(default_factory=dict)
    words: dict[Path, Path] = field(default_factory=dict)
    masks: dict[Path, Path] = field(default_factory=dict)
    alone: set[Path] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    marks: dict[str, tuple[str, str | None, list[str]]] = field(default_factory=dict)
    used: set[Path] = field(default_factory=set)
    often: dict[str, Often] = field(default_factory=dict)


def given(
    site: Site,
    store: Store,
    cache: StatCache,
    endings: Iterable[str],
    told_apart: Callable[[list[Path]], Told],
    seen: Seen | None = None,
) -> Given:
    """Look at every source.

    Args:
        site: the project.
        store: holds what is unpacked.
        cache: the stat cache.
        endings: of the texts beside pictures that are read.
        told_apart: tells pictures from masks and the like.
        seen: is shown every file and folder before it is read.
    """
    taking = _Taking(site, store, cache, sorted(endings), told_apart, seen)
    for source in site.project.sources:
        taking.take(source)
    return taking.found


def watched(site: Site) -> list[Path]:
    """The places of the sources, and those that their lists name."""
    found = []
    for source in site.project.sources:
        path = words.place(site, source.path)
        found.append(words.base(path))
        if words.kind(path) == "list":
            found += [place(path, row) for row in rows(path)[0]]
    return found


def of_source(name: str) -> PurePosixPath:
    """A picture's name as a path with the ending of a picture: that of a frame has none."""
    path = PurePosixPath(name)
    return PurePosixPath(f"{name}.png") if "#" in path.name and path.suffix.lower() not in SUFFIXES else path


@dataclass(slots=True)
class _Taking:
    """One look at all sources."""

    site: Site
    store: Store
    cache: StatCache
    endings: list[str]
    told_apart: Callable[[list[Path]], Told]
    seen: Seen | None
    found: Given = field(default_factory=Given)
    taken: set[str] = field(default_factory=set)

    def take(self, source: Source) -> None:
        """All that one source gives."""
        path = words.place(self.site, source.path)
        kind, name = words.kind(path), self._called(path)
        if kind == "glob":
            top = words.base(path)
            name = f"{self._called(top)}/{path.relative_to(top).as_posix()}"
            self._show(top)
            self._mark(name, source, None, self._matched(source, top, path))
            return
        self._show(path)
        pictures = self._list(path, name) if kind == "list" else self._one(source, path, name)
        held = None if kind == "folder" else self.cache.digests([path])[path].digest
        self._mark(name, source, held, pictures)

    def _mark(self, name: str, source: Source, held: str | None, pictures: Iterable[Path]) -> None:
        """Put pictures into the concept, and note the source."""
        into = self.found.members.setdefault(source.into, [])
        taken = list(dict.fromkeys(pictures))
        into += taken
        name = _free(name, {*self.found.marks})
        self.found.marks[name] = source.into, held, [self.found.names[path] for path in taken]

    def _matched(self, source: Source, top: Path, pattern: Path) -> Iterator[Path]:
        """What a glob finds: pictures, and archives and films, which are taken apart."""
        home, pictures = os.path.realpath(top), list[Path]()

        def call(path: Path) -> str:
            return f"{self._called(top)}/{path.relative_to(top).as_posix()}"

        for path in sorted(top.glob(pattern.relative_to(top).as_posix())):
            kind = words.kind(path)
            hidden = any(part.startswith(".") for part in path.relative_to(top).parts)
            if hidden or kind in ("", "list") or not path.is_file():
                continue
            if not os.path.realpath(path).startswith(home + os.sep):
                self.found.refused[call(path)] = OUT
            elif kind == "picture" and not (source.frames or source.every):
                pictures.append(path)
            else:
                yield from self._one(source, path, call(path))
        yield from self._pictures(pictures, call)

    def _one(self, source: Source, path: Path, name: str) -> Iterator[Path]:
        """The pictures of a folder, an archive, an animation, a film."""
        kind = words.kind(path)
        if kind == "folder":
            yield from self._folder(path, name)
        elif kind == "archive":
            from lorabuild.images.archives import unpack

            folder = self._unfolded(path, name, {"endings": self.endings}, partial(unpack, path, more=self.endings))
            yield from self._folder(folder, name) if folder else ()
        elif kind == "picture" and path.suffix.lower() not in MOVING:
            yield from self._pictures([path], lambda _: name)
        elif kind in ("film", "picture"):
            yield from self._frames(source, path, name, film=kind == "film")

    def _frames(self, source: Source, path: Path, name: str, *, film: bool) -> Iterator[Path]:
        said = {word: getattr(source, word) for word in ("frames", "every", "from_", "to", "alike")}

        def fill(folder: Path) -> dict[str, str]:
            from lorabuild.images.moving import taken_apart

            return taken_apart(path, folder, source, film=film)

        folder = self._unfolded(path, name, said | {"film": film}, fill, light=False)
        frames = walk(folder, SUFFIXES).files if folder else []
        if len(frames) == 1 and not any(said.values()) and not film:
            if self.seen:
                self.seen.names(path.parent)
            yield from self._pictures([path], lambda _: name)  # it doesn't move
        else:
            yield from self._pictures(frames, lambda frame: f"{name}#{frame.stem}")

    def _unfolded(
        self, path: Path, name: str, said: dict[str, Any], fill: Callable[[Path], dict[str, str]], *, light: bool = True
    ) -> Path | None:
        """The folder that a file is unpacked into, once what was left out is noted."""
        held = self.cache.digests([path])[path]
        if held.problem:
            self.found.refused[name] = held.problem
            return None
        got = unfolded(self.store, self.cache, {"file": held.digest, **said}, fill, light=light)
        if got is None:
            self.found.waiting.append(name)
            return None
        folder, refused = got
        self.found.used.add(folder)
        self.found.refused |= {f"{name}/{entry}" if entry else name: why for entry, why in refused.items()}
        return folder

    def _folder(self, folder: Path, name: str) -> Iterator[Path]:
        """The pictures below a folder, with the words of its metadata."""
        listing = walk(folder, SUFFIXES, within=self.site.root if self._inside(folder) else folder)

        def call(path: Path) -> str:
            return f"{name}/{path.relative_to(folder).as_posix()}"

        self.found.refused |= {call(path): why for path, why in listing.problems.items() if path != folder}
        yield from self._pictures(listing.files, call)
        for table in walk(folder, METADATA, within=folder).files:
            if table.name in METADATA:
                self._metadata(table, call(table))

    def _metadata(self, table: Path, name: str) -> None:
        """The words of an imagefolder; a name that leads out of its folder, or nowhere, is told."""
        found, wrong = rows(table)
        self.found.refused |= {f"{name}:{line}" if line else name: why for line, why in wrong.items()}
        told = {}
        for row in found:
            path = table.parent / row.path
            if path not in self.found.names or ".." in PurePosixPath(row.path).parts:
                self.found.refused[f"{name}:{row.line}"] = f"{row.path} is no picture beside it"
            else:
                told[path] = row
        self._say(told)

    def _list(self, path: Path, name: str) -> Iterator[Path]:
        """The pictures of a list, with its words."""
        found, wrong = rows(path)
        self.found.refused |= {f"{name}:{line}" if line else name: why for line, why in wrong.items()}
        told = {}
        for row in found:
            at = place(path, row)
            if self.seen:
                self.seen.names(at.parent)
            if at.suffix.lower() not in SUFFIXES or not at.is_file():
                why = "is not there" if not at.exists() else "is no picture by its name"
                self.found.refused[f"{name}:{row.line}"] = f"{row.path} {why}"
                continue
            told[at] = row
            self.found.alone.add(at)
            below = PurePosixPath(row.path)
            called = at.name if below.is_absolute() or {"..", "~"} & {*below.parts} else row.path
            yield from self._pictures([at], {at: f"{name}/{called}"}.__getitem__)
        self._say(told)

    def _pictures(self, paths: Iterable[Path], call: Callable[[Path], str]) -> Iterator[Path]:
        """Name pictures, and tell them from their masks."""
        told = self.told_apart(list(paths))
        self.found.masks |= told.masks
        self.found.refused |= {call(path): why for path, why in told.refused.items()}
        for path in told.images:
            if path not in self.found.names:
                self.found.names[path] = _free(self._inside(path) or call(path), self.taken)
            yield path

    def _say(self, told: Mapping[Path, Listed]) -> None:
        """Lay words down for their pictures, and note how often these are shown."""
        names = self.found.names
        self.found.often |= {names[path]: row.often for path, row in told.items() if path in names}
        if said := {path: row.words for path, row in told.items() if row.words is not None}:
            folder, texts = laid_down(self.store, self.cache, said)
            self.found.used.add(folder)
            self.found.words |= texts

    def _inside(self, path: Path) -> str:
        """How a person writes a path in the project; nothing for one elsewhere, or in the store."""
        if not path.is_relative_to(self.site.root) or path.is_relative_to(self.store.folder):
            return ""
        inside = path.relative_to(self.site.root)
        return "" if ".." in inside.parts else inside.as_posix()

    def _called(self, path: Path) -> str:
        return self._inside(path) or path.name

    def _show(self, path: Path) -> None:
        if self.seen:
            (self.seen.folder if path.is_dir() else self.seen.file)(path)


def _free(name: str, taken: set[str]) -> str:
    """A name that nothing else has; it is taken then."""
    tried, number = name, 1
    while tried in taken:
        number += 1
        tried = f"{name} ({number})"
    taken.add(tried)
    return tried
