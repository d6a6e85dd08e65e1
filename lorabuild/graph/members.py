"""Which image belongs to which concept, as far as it is known – and which of them can be used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorabuild.images.header import size as header_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Result
    from lorabuild.graph.inventory import ImageFile
    from lorabuild.graph.view import View


@dataclass(frozen=True, slots=True)
class Member:
    """An image in a concept.

    Attributes:
        id: names it in every later stage: its path, with the concept where several share the folder.
        concept: the concept's name.
        file: the image.
        twin: path of the equal picture in the same concept that is used instead of this one.
    """

    id: str
    concept: str
    file: ImageFile
    twin: str | None = None


def usable(view: View) -> Iterator[tuple[ImageFile, Result | None]]:
    """Image files that aren't set aside, with their prepared result; None while that waits."""
    scanned, prepared = view.made("scan"), view.made("prepare")
    for file in view.inventory.files.values():
        scan, result = scanned.get(file.path), prepared.get(file.path)
        if file.digest and not (scan and scan.problem) and not (result and result.problem):
            yield file, result


def members(view: View) -> list[Member]:
    """Every usable image of every concept, in order of path; the second of two equal pictures names its twin.

    An image that the tagger set aside is none: without tags it has no caption, and without a caption nobody learns it.
    """
    untagged = {path for path, result in view.made("tag").items() if result.problem}
    known = {file.path: (file, result) for file, result in usable(view) if file.path not in untagged}
    tagged = view.made("tag")
    untagged = {path for path, result in tagged.items() if result.problem}
    shared = Counter(path for paths in view.inventory.members.values() for path in paths)
    found = []
    for concept, paths in view.inventory.members.items():
        first: dict[str, str] = {}
        for path in paths:
            if path in known and path not in untagged:
                file, result = known[path]
                twin = first.setdefault(result.facts["pixels"] if result else path, path)
                name = f"{path} ({concept})" if shared[path] > 1 else path
                found.append(Member(name, concept, file, twin if twin != path else None))
    return found


def size_of(view: View, file: ImageFile) -> tuple[int, int] | None:
    """Width and height of an image as it is trained on; read from its header while it isn't prepared."""
    result = view.made("prepare").get(file.path)
    if result and not result.problem:
        return result.facts["width"], result.facts["height"]
    return header_size(file.absolute)
