"""Whether the folders and models that lora.yaml names are there. It opens no file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.files import walk
from lorabuild.core.words import nearest
from lorabuild.schema.check_sources import there
from lorabuild.schema.parts import parts, prefix
from lorabuild.schema.problems import Problem, ProblemsError
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*(@[\w./-]+)?")
TAGGER_FILES = {
    "wd14": ("model.onnx", "selected_tags.csv"),
    "cl_tagger": ("model_optimized.onnx", "tag_mapping.json"),
    "camie": ("camie-tagger-v2.onnx", "camie-tagger-v2-metadata.json"),
    "prose": ("config.json", "model.safetensors"),
}
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
STORE = ".lorabuild"
Wrong = tuple[tuple[str, ...], str, str]  # the trail of the word, what is wrong with it, what to write
_KINDS = "png, jpg, webp, gif, avif, bmp or tiff"


def check_disk(loaded: Loaded) -> None:
    """Look at the disk alone, for settings that are known to be right. Raises ``ProblemsError``."""
    if problems := list(disk(loaded)):
        raise ProblemsError(problems)


def disk(loaded: Loaded) -> Iterator[Problem]:
    """Everything that is missing or in the wrong place."""
    # the place is asked for last: to tell it, lora.yaml may have to be read again
    for trail, what, next_step in _wrong(loaded):
        yield Problem(loaded.place(*trail), what, next_step)


def _wrong(loaded: Loaded) -> Iterator[Wrong]:
    yield from _base(loaded)
    for name, concept in loaded.project.concepts.items():
        if concept.folder is not None:
            yield from _folder(loaded, ("concepts", name, "folder"), concept.folder)
    regularization = loaded.project.regularization
    if regularization and regularization.folder is not None:
        yield from _folder(loaded, ("regularization", "folder"), regularization.folder)
        yield from _apart(loaded, regularization.folder)
    yield from there(loaded)
    yield from _tagger(loaded)
    yield from _merged(loaded)
    yield from _output(loaded)


def has_image(folder: Path) -> bool:
    """Whether any image lies in a folder or below it; stops at the first one."""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(Path(name).suffix.lower() in SUFFIXES and not name.startswith(".") for name in files):
            return True
    return bool(walk(folder, SUFFIXES).files)


def _apart(loaded: Loaded, written: str) -> Iterator[Wrong]:
    """No picture is both a training image and a regularization image."""
    for name, concept in loaded.project.concepts.items():
        if concept.folder and _overlap(loaded.site.path(written), loaded.site.path(concept.folder)):
            what = f"`{written}` and the folder of `{name}` lie in one another: its images would be both"
            yield ("regularization", "folder"), what, "move one of the folders"


def _folder(loaded: Loaded, where: tuple[str, ...], written: str) -> Iterator[Wrong]:
    """A folder with images."""
    folder = loaded.site.path(written)
    out = loaded.project.output.folder
    if not written.strip():
        yield where, "no folder is named here", "write `folder: dataset/plain`"
    elif folder.is_file():
        yield where, f"`{written}` is a file, no folder", f"write `folder: {Path(written).parent.as_posix()}`"
    elif not folder.is_dir():
        near = nearest(folder.name, _folders_in(folder.parent))
        meant = Path(written).with_name(near).as_posix() if near else ""
        hint = f"did you mean `{meant}`?" if near else "make the folder and put images into it, or correct its name"
        yield where, f"there is no folder `{written}`", hint
    elif _overlap(folder, loaded.site.path(out)):
        what = f"`{written}` and the output folder `{out}` lie in one another: results would become training images"
        yield where, what, "write another `output: {folder: …}`"
    elif not has_image(folder):
        yield where, f"there is no image in `{written}`", f"put {_KINDS} files there"


def _folders_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []


def _overlap(one: Path, other: Path) -> bool:
    """Whether one folder is the other, or lies in it."""
    first, second = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return first.is_relative_to(second) or second.is_relative_to(first)


def _base(loaded: Loaded) -> Iterator[Wrong]:
    base = loaded.project.base
    yield from _model(loaded, "model", base.model)
    yield from _model(loaded, "vae", base.vae) if base.vae is not None else ()


def _model(loaded: Loaded, word: str, written: str) -> Iterator[Wrong]:
    where, path = ("base", word), loaded.site.path(written)
    if path.suffix.lower() in PICKLES:
        what = f"`{written}` is a pickle: opening it could run anybody's code"
        yield where, what, "use the .safetensors file of the same model"
    elif not path.exists() and not _may_be_on_the_hub(written, path):
        yield _not_there(where, written, path, "a diffusers folder or a .safetensors file")


def _tagger(loaded: Loaded) -> Iterator[Wrong]:
    """Every tagger that is asked."""
    tagger = loaded.project.captions.tagger
    for place, part in enumerate(parts(tagger)):
        where = ("captions", "tagger", *(("of", str(place)) if prefix(tagger, place) else ()))
        if part.type == "sidecar":
            if part.extension.lower() in SUFFIXES:
                what = f"`{part.extension}` is the ending of an image, not of the text beside it"
                yield (*where, "extension"), what, "write `extension: .txt`"
        else:
            yield from _tagger_model(loaded, (*where, "model"), part)


def _tagger_model(loaded: Loaded, where: tuple[str, ...], tagger: Any) -> Iterator[Wrong]:
    path, files = loaded.site.path(tagger.model), TAGGER_FILES[tagger.type]
    if path.is_dir():
        version = getattr(tagger, "version", "")
        endings = {file.suffix for folder in (path, path / version) if folder.is_dir() for file in folder.iterdir()}
        missing = [name for name in files if Path(name).suffix not in endings]
        if missing:
            what = f"the tagger folder `{tagger.model}` lacks {' and '.join(missing)}"
            yield where, what, f"it must hold {' and '.join(files)}"
    elif path.is_file():
        if path.suffix != Path(files[0]).suffix or tagger.type == "prose":
            yield where, f"`{tagger.model}` is a file, no folder", f"name the folder around {files[0]}"
    elif not _may_be_on_the_hub(tagger.model, path):
        yield _not_there(where, tagger.model, path, f"a folder with {' and '.join(files)}")


def _may_be_on_the_hub(written: str, path: Path) -> bool:
    """Whether ``owner/name`` was meant: it looks like that, and ``owner`` is no folder here."""
    return bool(HUB_ID.fullmatch(written)) and not path.parent.is_dir()


def _not_there(where: tuple[str, ...], written: str, path: Path, kind: str) -> Wrong:
    """A model that is neither on the disk nor on the hub."""
    near = nearest(path.name, [beside.name for beside in path.parent.iterdir()]) if path.parent.is_dir() else None
    hint = f"did you mean `{Path(written).with_name(near).as_posix()}`? " if near else ""
    next_step = f"{hint}A path must lead to {kind}; a hub id is `owner/name`"
    return where, f"there is no model at `{written}`", next_step


def _merged(loaded: Loaded) -> Iterator[Wrong]:
    """The LoRAs that ``finish:`` merges."""
    for number, step in enumerate(loaded.project.finish):
        for place, other in enumerate(step.merge or ()):
            where, path = ("finish", str(number), "merge", str(place), "file"), loaded.site.path(other.file)
            if path.suffix.lower() in PICKLES:
                what = f"`{other.file}` is a pickle: opening it could run anybody's code"
                yield where, what, "use the .safetensors file of the same LoRA"
            elif not path.is_file():
                yield _not_there(where, other.file, path, "a .safetensors file")


def _output(loaded: Loaded) -> Iterator[Wrong]:
    written, root = loaded.project.output.folder, loaded.site.root
    where, folder = ("output", "folder"), loaded.site.path(written)
    if not written.strip() or Path(os.path.realpath(folder)) == Path(os.path.realpath(root)):
        yield where, "results can't go into the project folder itself", "write `folder: out`"
    elif _overlap(folder, root / STORE):
        yield where, f"results can't go into `{STORE}`, which may be swept", "write `folder: out`"
    elif folder.is_file():
        yield where, f"`{written}` is a file, not a folder", "write another folder, or move the file away"
