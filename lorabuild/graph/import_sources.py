"""What an import starts from: folders of images and files with settings, put together and found on this machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import read_if_there
from lorabuild.schema.kohya_files import Settings, Subset, read
from lorabuild.schema.kohya_settings import square
from lorabuild.schema.picture_folders import Pictures, anywhere, beside, of_kohya

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME_BOTH = "name the folder of images, too: `lorabuild import kohya IMAGES SETTINGS`"


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that was named, together.

    Attributes:
        settings: of all files.
        training, regular: folders of images.
        ending: of the files with captions.
        asked: the ending that the settings ask for, where no such file is here.
        here: where files that are named may lie.
    """

    settings: Settings
    training: list[Pictures]
    regular: list[Pictures]
    ending: str
    asked: str
    here: list[Path]

    @property
    def looks(self) -> int:
        """Image steps of an epoch: regularization images come one to one."""
        steps = sum(len(one.files) * (one.repeats or 1) for one in self.training)
        return steps * (2 if self.regular else 1)

    def find(self, text: str) -> Path | None:
        """A file or folder that a file names."""
        return _find(text, self.here)

    def lines(self, text: str) -> list[str]:
        """The lines of a text that a file names; none where it is not here."""
        found = self.find(text)
        return (read_if_there(found) or b"").decode("utf-8-sig", "replace").splitlines() if found else []


def source(paths: Sequence[Path], *, loose: bool = False) -> Source:
    """Folders and files together; folders that are named win over those that a file names.

    ``loose`` takes any folder of images. Raises ``ProjectError``.
    """
    for path in paths:
        if not path.exists():
            hint = "name a folder of images, or a .toml or .json with settings"
            raise ProjectError("there is no such file or folder", where=str(path), next_step=hint)
    paths = list({path.resolve(): path for path in paths}.values())
    here = [path.parent if path.is_file() else path for path in paths]
    settings = Settings("dataset", {})
    for path in paths:
        if not path.is_dir():
            settings = _with_dataset(_joined(settings, read(path)), path.parent, paths)
    look = anywhere if loose else of_kohya
    pictures = [one for path in paths if path.is_dir() for one in look(path)] or _named(settings, here)
    keep = int(settings.words.get("keep_tokens") or 0)
    training = [replace(one, keep=one.keep or keep) for one in pictures if not one.regular]
    ending, there = _ending(settings, training)
    told = settings.kind != "dataset" or settings.subsets
    regular = [one for one in pictures if one.regular]
    return Source(
        settings, training, regular, ending if there else beside(training), ending if told and not there else "", here
    )


def seen(path: Path, root: Path) -> str:
    """A path as lora.yaml names it: from the project's folder."""
    try:
        return Path(os.path.relpath(path.absolute(), root.absolute())).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_posix()


def sized(one: Pictures, images: Mapping[str, Any]) -> dict[str, Any]:
    """The resolutions of a folder for its concept, where they are others than those that ``images:`` says."""
    usual = [images.get("resolution"), *images.get("more_resolutions", ())]
    if not one.sides or [*one.sides] == usual:
        return {}
    first, *more = one.sides
    return {"images": {"resolution": first, **({"more_resolutions": more} if more or usual[1:] else {})}}


def _ending(settings: Settings, training: list[Pictures]) -> tuple[str, bool]:
    """The ending of captions that the settings ask for, and whether such files are there."""
    told = [settings.words, *(one.words for one in settings.subsets)]
    given = next((str(words["caption_extension"]) for words in told if words.get("caption_extension")), ".caption")
    ending = given if given.startswith(".") else f".{given}"
    return ending, any(path.with_suffix(ending).is_file() for one in training for path in one.files)


def _joined(first: Settings, second: Settings) -> Settings:
    kinds = [one.kind for one in (first, second) if one.kind != "dataset"]
    words, names = {**first.words, **second.words}, {**first.names, **second.names}
    return Settings(kinds[0] if kinds else "dataset", words, (*first.subsets, *second.subsets), names)


def _with_dataset(settings: Settings, here: Path, paths: Sequence[Path]) -> Settings:
    """A file with settings may name the one with its folders; a person may name it as well, among ``paths``."""
    named = settings.words.get("dataset_config")
    if not named or settings.subsets:
        return settings
    found = _find(str(named), [here])
    if not found:
        what = f"there is no file `{named}`, which `dataset_config` names"
        raise ProjectError(what, where=str(here), next_step="put it there, or take the word away")
    return settings if any(path.samefile(found) for path in paths) else _joined(settings, read(found))


def _named(settings: Settings, here: Sequence[Path]) -> list[Pictures]:
    """The folders of images that a file names, found here."""
    found = [_subset(one, here) for one in settings.subsets]
    train, regular = (settings.words.get(word) for word in ("train_data_dir", "reg_data_dir"))
    if not found and train:
        found = [one for one in of_kohya(_there(str(train), here)) if not one.regular]
    if regular and (place := _find(str(regular), here)):
        found += [Pictures(one.folder, one.repeats, one.tokens, regular=True) for one in anywhere(place)]
    if not any(not one.regular for one in found):
        where = ", ".join(map(str, here))
        raise ProjectError("these settings name no folder of images", where=where, next_step=_NAME_BOTH)
    return found


def _subset(one: Subset, here: Sequence[Path]) -> Pictures:
    words = one.words
    repeats, tokens = int(words.get("num_repeats") or 1), str(words.get("class_tokens") or "")
    keep = int(words.get("keep_tokens") or 0)
    masks = words.get("conditioning_data_dir")
    where = _there(str(masks), here) if masks else None
    sides = tuple(filter(None, map(square, (words, *one.again))))
    return Pictures(_there(one.folder, here), repeats, tokens, bool(words.get("is_reg")), where, keep, sides)


def _there(text: str, here: Sequence[Path]) -> Path:
    """A folder that a file names. Raises ``ProjectError`` where it isn't on this machine."""
    found = _find(text, here)
    if found is None or not found.is_dir():
        what = f"there is no folder `{text}`, which the settings name"
        raise ProjectError(what, where=str(here[0]), next_step=f"put it beside the file, or {_NAME_BOTH}")
    return found


def _find(text: str, here: Sequence[Path]) -> Path | None:
    """A file or folder by its path, from where the settings lie; or by its last names, where it was moved with them."""
    parts = [part for part in re.split(r"[/\\]+", text.strip()) if part not in ("", ".", "..")]
    tries = [Path(text).expanduser(), *(top / text for top in here)]
    tries += [top.joinpath(*parts[-count:]) for top in here for count in (2, 1) if len(parts) >= count]
    return next((place for place in tries if text.strip() and place.exists()), None)
