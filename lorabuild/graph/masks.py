"""Which files are masks, by their names alone: ``a.mask.png`` beside ``a.jpg``, or ``masks/a.png`` below it.

A file of such a name whose picture lies there is never a training image, whether or not masks are wanted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lorabuild.schema.suffixes import MASK_ENDINGS, MASK_FOLDER, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

UNWANTED = "it is the mask of {}; write `images: {{masks: side}}` to use it"
LOST = "it is called like a mask, but the picture that it would belong to is not there"
_MARKS = tuple(f"{ending}." for ending in MASK_ENDINGS)
SECOND = "{} already has a mask, {}"


@dataclass(slots=True)
class Sorted:
    """Paths of the images; image → its mask; what is neither → why."""

    images: list[str]
    masks: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def stem_of(path: str) -> str:
    """A path without its ending."""
    return os.path.splitext(path)[0]  # noqa: PTH122 – a path object costs more than all the rest


def owner_stem(path: str, tops: Collection[str] = ()) -> str | None:
    """The stem of the picture that a file would be the mask of; None for a name of no mask.

    ``tops`` are folders that were named as image folders: one that is called ``masks`` holds pictures.
    """
    stem = stem_of(path)
    for ending in MASK_ENDINGS:
        if stem.endswith(ending):
            return stem.removesuffix(ending)
    folder, _, name = stem.rpartition("/")
    above, _, last = folder.rpartition("/")
    return f"{above}/{name}" if last == MASK_FOLDER and above and folder not in tops else None


def sort_out(paths: Iterable[str], tops: Collection[str], *, wanted: bool) -> Sorted:
    """Tell images from masks; ``wanted``: masks are used. Where a picture has two, the first counts."""
    found = list(paths)
    alike = {path: stem for path in found if (stem := owner_stem(path, tops))}
    if not alike:
        return Sorted(found)
    by_stem: dict[str, list[str]] = {}
    for path in found:
        if path not in alike:
            by_stem.setdefault(stem_of(path), []).append(path)
    masks, refused = dict[str, str](), dict[str, str]()
    for path, stem in sorted(alike.items()):
        owners = sorted(by_stem.get(stem, []))
        if not owners and wanted:
            refused[path] = LOST
        elif owners and not wanted:
            refused[path] = UNWANTED.format(_name(owners[0]))
        elif owners and owners[0] in masks:
            refused[path] = SECOND.format(_name(owners[0]), _name(masks[owners[0]]))
        else:
            masks |= dict.fromkeys(owners, path)
    taken = refused.keys() | set(masks.values())
    return Sorted([path for path in found if path not in taken], masks, refused)


def alike(folders: Mapping[str, tuple[Sequence[str], object]]) -> dict[str, list[str]]:
    """Stem of a picture → what is called like a mask of it; all with their place, ``./dataset/plain/a``."""
    found: dict[str, list[str]] = {}
    for place, (names, _) in folders.items():
        here = place.endswith(f"/{MASK_FOLDER}")
        for name in names if here else (name for name in names if any(mark in name for mark in _MARKS)):
            if is_image(name) and (stem := owner_stem(path := f"{place}/{name}")):
                found.setdefault(stem, []).append(path)
    return found


def images_of(path: str, names: Mapping[str, tuple[Sequence[str], object]]) -> list[str]:
    """The pictures in these folders that a file is the mask of, by its name."""
    folder, _, name = (owner_stem(path) or "").rpartition("/")
    beside = names.get(folder, ((), None))[0]
    return [f"{folder}/{other}" for other in beside if stem_of(other) == name and is_image(other)]


def is_image(name: str) -> bool:
    """Whether a file counts as an image by its name."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122


def _name(path: str) -> str:
    return path.rpartition("/")[2]
