"""Pictures of sources that lie outside the project, in the settled index.

No folder's stamp tells of them: one that holds the bytes that it held, in the same concepts, is taken over.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lorabuild.graph.imagefile import ImageFile
    from lorabuild.graph.settled import Settled
    from lorabuild.graph.sources import Given

Marks = dict[str, list[Any]]
"""Picture → digests of its file, tags, text and mask, where that lies, its concepts, how often its list shows it."""


def inside(given: Given, root: Path) -> set[str]:
    """The pictures of sources that lie in the project: these are called as they lie there."""
    top = f"{root.as_posix()}/"
    return {name for path, name in given.names.items() if f"{top}{name}" == path.as_posix()}


def marks(files: Iterable[ImageFile], given: Given, own: set[str]) -> Marks:
    """What every picture outside the project holds; ``own`` are those in it.

    One that can't be used, or that has files beside it for steps, is looked at each time.
    """
    concepts = _concepts(given)
    return {
        file.path: [
            *(file.digest, file.tags_digest, file.text_digest, file.mask_digest),
            os.path.relpath(file.mask, file.absolute.parent) if file.mask else "",
            concepts[file.path],
            *given.often.get(file.path, ()),
        ]
        for file in files
        if file.path in concepts and file.path not in own and file.digest and not file.sides
    }


def taken(known: Settled | None, now: Marks) -> tuple[set[str], Settled | None]:
    """The pictures that hold what they held, and what is known without the others."""
    if known is None:
        return set(), None
    same = {name for name, mark in known.outside.items() if now.get(name) == mark}
    return same, known.without(known.outside.keys() - same)


def digest_of(name: str, files: Mapping[str, ImageFile], held: Mapping[str, list[Any]]) -> str | None:
    """The digest of a picture's file, also of one that is taken over."""
    return files[name].digest if name in files else held[name][0]


def _concepts(given: Given) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for concept, name in sorted(_pairs(given)):
        found.setdefault(name, []).append(concept)
    return found


def _pairs(given: Given) -> Iterator[tuple[str, str]]:
    for concept, paths in given.members.items():
        yield from ((concept, given.names[path]) for path in paths)
