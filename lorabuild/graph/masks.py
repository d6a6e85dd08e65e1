"""Which files are masks, by their names alone: ``a.mask.png`` beside ``a.jpg``, or ``masks/a.png`` below it.

A file of such a name whose picture lies there is never a training image, whether or not masks are wanted.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.schema.suffixes import MASK_ENDINGS, MASK_FOLDER, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

UNWANTED = "it is the mask of {}; write `images: {{masks: side}}` to use it"
LOST = "it is called like a mask, but the picture that it would belong to is not there"
SECOND = "{} already has a mask, {}"
_MARKS = tuple(f"{ending}." for ending in MASK_ENDINGS)
_LIKE = re.compile("|".join(map(re.escape, (*_MARKS, f"/{MASK_FOLDER}/"))))


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
    alike = {path: stem for path in filter(_LIKE.search, found) if (stem := owner_stem(path, tops))}
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


class Told(NamedTuple):
    """Images, the masks of some of them, and what is neither → why."""

    images: list[Path]
    masks: dict[Path, Path]
    refused: dict[Path, str]


def told_apart(paths: Iterable[Path], tops: Iterable[Path], *, wanted: bool) -> Told:
    """``sort_out`` for files."""
    names = {path.as_posix(): path for path in paths}
    found = sort_out(names, {top.as_posix() for top in tops}, wanted=wanted)
    return Told(
        [names[name] for name in found.images],
        {names[image]: names[mask] for image, mask in found.masks.items()},
        {names[name]: why for name, why in found.refused.items()},
    )


def named_like(pictures: Iterable[str], folders: Mapping[str, tuple[Sequence[str], object]]) -> set[str]:
    """What is called like a mask of one of these pictures; all with their place."""
    found = alike(folders)
    return {name for path in pictures for name in found.get(stem_of(path), ())} if found else set()


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
