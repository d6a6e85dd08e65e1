"""What a person should know of an import: what is read otherwise here than there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.files import walk
from lorabuild.graph.moving_captions import HAND, blanks, common
from lorabuild.schema.picture_folders import THEIRS
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.importing import Imported
    from lorabuild.schema.picture_folders import Pictures


def notes(made: Imported) -> Iterator[str]:
    """Line by line."""
    found, sections = made.source, made.moving.sections
    lines = [path.name for one in made.read.values() for path in one.lines]
    if lines and not made.copied:
        yield f"{common(lines)}: several lines; there only the first is read, here all as one"
    read_here = any(len(one.missing) < len(one.read) for one in made.read.values())
    if found.asked and read_here:
        why = "only the folders' names are captions there"
        yield f"no image has a {found.asked} file: {why}, and here the {found.ending} files are"
    for one in found.training:
        yield from _of_folder(one) if not made.copied and one.repeats else ()
    if found.ending != HAND and any(path.with_suffix(HAND).is_file() for one in found.training for path in one.files):
        yield f"captions are {found.ending} files, and .txt files lie beside them: here a .txt wins"
    for name, one in made.concepts.items():
        if one.tokens and not sections["concepts"][name].get("triggers"):
            told = f"`{one.tokens}` stands in the folder's name and not in every caption: it is no trigger"
            yield f"{name}: {told}; declare it in `triggers:` to have it in all"
    if parted := [path.name for one in made.read.values() for path in blanks(one)]:
        split = sections["captions"]["tagger"].get("extension") == found.ending
        here = "each is a tag of its own here" if split else "here, too: put commas between them"
        yield f"{common(parted)}: tags parted by blanks are one tag there, and {here}"


def _of_folder(one: Pictures) -> Iterator[str]:
    deeper = [path for path in walk(one.folder, SUFFIXES).files if path.parent != one.folder.absolute()]
    if deeper:
        told = common([path.relative_to(one.folder.absolute()).as_posix() for path in deeper])
        yield f"{one.folder.name}: images in folders below it ({told}) are read here, and not there"
    if strange := [path.name for path in one.all if path.suffix.lower() not in THEIRS]:
        yield f"{one.folder.name}: {common(strange)} can be read here, and not there"
