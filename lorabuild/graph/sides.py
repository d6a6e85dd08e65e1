"""What lies beside an image for its steps, by name alone: ``a.crop.json``, ``a.erase.png`` of ``a.jpg``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.schema.suffixes import ERASED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.statcache import StatCache
    from lorabuild.graph.imagefile import ImageFile

    Closed = Callable[[Path, Any], str | None]

ENDINGS = {"crop": ".crop.json", "erase": f"{ERASED}.png"}
UNWANTED = "it marks what is erased of {}; write `images: {{erase: fill}}` to use it"
MOST = 64  # training pictures of one image


def is_side(name: str) -> bool:
    """Whether a file would be one for steps."""
    return name.endswith(tuple(ENDINGS.values()))


def beside(path: Path, words: Sequence[str]) -> dict[str, Path]:
    """Word → the file for it that lies beside an image."""
    found = {word: path.with_name(path.stem + ENDINGS[word]) for word in words}
    return {word: side for word, side in found.items() if os.path.lexists(side)}


def attached(files: Sequence[ImageFile], words: Sequence[str], cache: StatCache, closed: Closed) -> list[ImageFile]:
    """The images with what lies beside them for these steps; one whose side file can't be read is none."""
    found = {file.path: beside(file.absolute, words) for file in files} if words else {}
    digests = cache.digests(side for sides in found.values() for side in sides.values())
    return [_attached(file, found.get(file.path), digests, closed) for file in files]


def _attached(file: ImageFile, found: Mapping[str, Path] | None, digests: Any, closed: Closed) -> ImageFile:
    if not found or file.digest is None:
        return file
    if problem := next(filter(None, (closed(side, digests) for side in found.values())), None):
        return replace(file, digest=None, problem=problem)
    return replace(file, sides={word: (side, digests[side].digest) for word, side in found.items()})


def told_apart(paths: Sequence[Path], words: Sequence[str]) -> tuple[list[Path], dict[Path, str]]:
    """Images; what would mark parts of one that is among them, where these steps don't ask for it → why it is none."""
    marks = {path for path in paths if path.name.endswith(ENDINGS["erase"])}
    if not marks:
        return list(paths), {}
    owners = {path.with_suffix(""): path for path in paths}
    found = {mark: owners[one] for mark in marks if (one := mark.with_suffix("").with_suffix("")) in owners}
    unwanted = {} if "erase" in words else {mark: UNWANTED.format(image.name) for mark, image in found.items()}
    return [path for path in paths if path not in found], unwanted


def boxes(data: bytes) -> tuple[list[list[int]], list[int] | None]:
    """The boxes of a side file, and that of the person. Raises ValueError where it says something else."""
    held = json.loads(data)
    said: Mapping[str, Any] = held if isinstance(held, dict) else {"boxes": held}
    if not said.keys() <= {"boxes", "person"}:
        raise ValueError(f"it has other words than `boxes` and `person`: {', '.join(sorted(said))}")
    found = [_box(one) for one in said.get("boxes", [])]
    if len(found) > MOST:
        raise ValueError(f"it has more than {MOST} boxes")
    return found, _box(said["person"]) if "person" in said else None


def _box(held: Any) -> list[int]:
    whole = isinstance(held, list) and len(held) == 4 and all(type(number) is int for number in held)
    if not whole or not (0 <= held[0] < held[2] and 0 <= held[1] < held[3]):
        raise ValueError(f"{held} is no box: write [left, top, right, bottom] in pixels")
    return list(held)
