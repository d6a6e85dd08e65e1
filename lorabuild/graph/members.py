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
    """Every usable image of every concept, in order of path; of two equal pictures one is used, and the other names it.

    An image that the tagger set aside is none: without tags it has no caption, and without a caption nobody learns it.
    """
    untagged = {path for path, result in view.made("tag").items() if result.problem}
    known = {file.path: (file, result) for file, result in usable(view) if file.path not in untagged}
    shared = Counter(path for paths in view.inventory.members.values() for path in paths)
    found = []
    for concept, paths in view.inventory.members.items():
        used = [known[path] for path in paths if path in known]
        equal: dict[str, list[ImageFile]] = {}
        for file, result in used:
            equal.setdefault(_picture(file, result), []).append(file)
        chosen = {picture: min(files, key=_claim).path for picture, files in equal.items()}
        for file, result in used:
            twin = chosen[_picture(file, result)]
            name = f"{file.path} ({concept})" if shared[file.path] > 1 else file.path
            found.append(Member(name, concept, file, twin if twin != file.path else None))
    return found


def _picture(file: ImageFile, result: Result | None) -> str:
    """What equal pictures share; a file that isn't prepared yet equals no other."""
    return str(result.facts["pixels"]) if result else file.path


def _claim(file: ImageFile) -> tuple[bool, str, bool, str, str]:
    """The least of equal pictures is used: one with words beside it, whatever the files are called."""
    text, tags = file.text_digest, file.tags_digest
    return (text is None, text or "", tags is None, tags or "", file.path)


def size_of(view: View, file: ImageFile) -> tuple[int, int] | None:
    """Width and height of an image as it is trained on; read from its header while it isn't prepared."""
    result = view.made("prepare").get(file.path)
    if result and not result.problem:
        return result.facts["width"], result.facts["height"]
    return header_size(file.absolute)
