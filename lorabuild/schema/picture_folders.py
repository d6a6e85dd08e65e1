"""Folders of pictures as they lie about: ``6_name class`` of the standard trainer, plain ones, one alone."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import walk
from lorabuild.schema.suffixes import MASK_ENDINGS, MASK_FOLDER, SUFFIXES

TEXTS = (".txt", ".caption", ".tags", ".cap")
"""Endings of files with captions, the commonest first."""

ROOTS = ("img", "image", "images", "train", "dataset")
REGULAR = ("reg", "regs", "regularization", "regularisation", "reg_images", "class_images")
THEIRS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif"})
"""Images that the standard trainer reads, with its usual packages."""

_NAMED = re.compile(r"(\d+)_(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pictures:
    """A folder of pictures.

    Attributes:
        folder: where.
        repeats: how often an epoch shows each; None where nobody says.
        tokens: the class words of its name, ``zorbl creature``: the caption of what has none.
        regular: whether they are regularization images.
        masks: the folder with a mask for each, where they lie in one of their own.
        keep: how many tags at the beginning of each caption are kept in their places.
        sides: the resolutions in which they are trained, where somebody says them for this folder.
    """

    folder: Path
    repeats: int | None = None
    tokens: str = ""
    regular: bool = False
    masks: Path | None = None
    keep: int = 0
    sides: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """What it is called, without repeats."""
        found = _NAMED.fullmatch(self.folder.absolute().name)
        return self.tokens or (found[2] if found else self.folder.absolute().name)

    @property
    def files(self) -> list[Path]:
        """The pictures that lie in the folder itself, without masks, in order of their names.

        Where repeats are said it was made for the standard trainer: then only those that this trainer reads.
        """
        return [path for path in self.all if not self.repeats or path.suffix.lower() in THEIRS]

    @property
    def all(self) -> list[Path]:
        """Every picture that lies in the folder itself."""
        found = [Path(entry.path) for entry in os.scandir(self.folder) if not entry.name.startswith(".")]
        named = [path for path in found if path.suffix.lower() in SUFFIXES and path.is_file()]
        return sorted(path for path in named if not path.stem.endswith(MASK_ENDINGS))


def named(folder: Path, *, regular: bool = False) -> Pictures | None:
    """A folder that is called ``6_name class``; None for another name, or repeats of 0, which nobody trains."""
    found = _NAMED.fullmatch(folder.name)
    repeats = int(found[1]) if found else 0
    return Pictures(folder, repeats, found[2].strip(), regular) if found and repeats else None


def of_kohya(folder: Path) -> list[Pictures]:
    """The folders of a training of the standard trainer: below a folder, or below ``img`` and ``reg`` in it.

    Raises ``ProjectError`` where there is none.
    """
    found = _below(folder) or [one for name in ROOTS for one in _below(folder / name)]
    found = found or [one for one in [named(Path(os.path.abspath(folder)))] if one and one.files]  # noqa: PTH100
    if not found:
        raise ProjectError(
            "no folder here is called like `6_name class`, with images in it",
            where=str(folder),
            next_step="`lorabuild init --from DIR` takes any folder of images",
        )
    tops = (folder, folder.absolute().parent) if folder.absolute().name in ROOTS else (folder,)
    beside = [place for top in tops for place in map(top.joinpath, REGULAR)]
    regular = next((pictures for place in beside if (pictures := _below(place, regular=True))), [])
    return found + [one for one in regular if all(one.folder != other.folder for other in found)]


def anywhere(folder: Path) -> list[Pictures]:
    """The folders of pictures in any folder: as of the standard trainer, else each below it, else itself.

    Raises ``ProjectError`` where there is no image.
    """
    try:
        return of_kohya(folder)
    except ProjectError:
        pass
    top = Pictures(folder)
    below = [Pictures(one, regular=one.name.lower() in REGULAR) for one in _folders(folder) if one.name != MASK_FOLDER]
    below = [one for one in below if walk(one.folder, SUFFIXES).files]
    if any(not one.regular for one in below) and not top.files:
        return below
    if not walk(folder, SUFFIXES).files:
        hint = "name a folder with png, jpg, webp, gif, avif, bmp or tiff files"
        raise ProjectError("there is no image here", where=str(folder), next_step=hint)
    return [top]


def beside(folders: list[Pictures]) -> str:
    """The ending of the captions beside these pictures: the commonest of ``TEXTS``, else the first."""
    counts = Counter(
        ending for one in folders for path in one.files for ending in TEXTS if path.with_suffix(ending).is_file()
    )
    return max(TEXTS, key=lambda ending: counts[ending])


def _below(folder: Path, *, regular: bool = False) -> list[Pictures]:
    """The folders of such a name in a folder, with a picture in them."""
    return [one for place in _folders(folder) if (one := named(place, regular=regular)) and one.files]


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    entries = (entry for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    return sorted((Path(entry.path) for entry in entries), key=lambda path: (_order(path.name), path.name))


def _order(name: str) -> str:
    """By the words of a name, not by its repeats."""
    found = _NAMED.fullmatch(name)
    return found[2] if found else name
