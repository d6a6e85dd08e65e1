"""Writing an imported project: lora.yaml, and copies of images and captions on demand. Nothing is replaced."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.core.trouble import trouble
from lorabuild.graph.importing import COPIES, Imported
from lorabuild.graph.moving_captions import HAND, texts
from lorabuild.schema.loaded import FILE
from lorabuild.schema.scaffold import beside_lora_yaml
from lorabuild.schema.suffixes import MASK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def write(made: Imported) -> list[Path]:
    """Write everything, or nothing; what was written goes again where that fails. Returns the new files.

    Raises:
        ProjectError: a file is there already.
        StoreError: something can't be written.
    """
    root = made.root
    new = {root / FILE: made.text} | {
        root / name: text for name, text in beside_lora_yaml().items() if not (root / name).exists()
    }
    copies, written = _copies(made) if made.copied else ({}, {})
    refuse(root, [root / FILE, *copies, *written])
    made_now: list[Path] = []
    try:
        for target in [*copies, *written, *new]:
            made_now += _made(target.parent)
            made_now.append(target)
            if target in copies:
                copy(copies[target], target)
            else:
                write_atomic(target, {**written, **new}[target].encode())
    except (LorabuildError, KeyboardInterrupt):
        for path in reversed(made_now):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise
    return [*copies, *written, *new]


def _made(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the new ones, outermost first."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    with trouble("make this folder", folder):
        folder.mkdir(parents=True, exist_ok=True)
    return new[::-1]


def refuse(root: Path, targets: list[Path]) -> None:
    """Raises ``ProjectError`` where one of these is there already."""
    if there := next((path for path in targets if os.path.lexists(path)), None):
        name = there.relative_to(root).as_posix()
        hint = "choose another folder, or move the file away"
        raise ProjectError(f"{name} is there already, and is left as it is", where=str(root), next_step=hint)


def copy(image: Path, target: Path) -> None:
    """Copy a file's bytes to a place where nothing lies."""
    with trouble("copy to this file", target), image.open("rb") as read, target.open("xb") as write_to:
        shutil.copyfileobj(read, write_to)


def _copies(made: Imported) -> tuple[dict[Path, Path], dict[Path, str]]:
    """Target → image or mask, and target → text: what the standard trainer reads for the image."""
    copies: dict[Path, Path] = {}
    written: dict[Path, str] = {}
    top = made.root / COPIES
    for name, one in made.concepts.items():
        for image, target in _targets(one.files, top / name, ""):
            copies |= {target: image, **_masks(image, target, one.masks)}
            written[target.with_suffix(HAND)] = made.read[name].read[image] + "\n"
    several = len(made.source.regular) > 1
    for one in made.source.regular:
        found = texts(one, made.source.ending)
        prefix = f"{one.folder.name}-" if several else ""
        for image, target in _targets(one.files, top / "regularization", prefix):
            copies[target] = image
            written[target.with_suffix(HAND)] = found.read[image] + "\n"
    return copies, written


def _targets(images: list[Path], folder: Path, prefix: str) -> Iterator[tuple[Path, Path]]:
    for image in images:
        yield image, folder / f"{prefix}{image.name}"


def _masks(image: Path, target: Path, folder: Path | None) -> Mapping[Path, Path]:
    """``a.mask.png`` beside ``a.jpg``; or ``a.png`` in a folder of masks, which becomes ``masks/a.png``."""
    stem = re.sub(r"([*?\[])", r"[\1]", image.stem)
    beside = {target.with_name(mask.name): mask for mask in image.parent.glob(f"{stem}.mask.*")}
    apart = sorted(folder.glob(f"{stem}.*")) if folder else []
    return beside | {target.parent / MASK_FOLDER / mask.name: mask for mask in apart[:1]}


def as_dict(made: Imported) -> dict[str, Any]:
    """What ``--json`` prints of it."""
    total = sum(len(one.read) for one in made.read.values())
    return {
        "concepts": [
            {"name": name, "folder": str(one.folder), "images": len(one.files), "repeats": one.repeats}
            for name, one in made.concepts.items()
        ],
        "regularization": sum(len(one.files) for one in made.source.regular),
        "captions": {"images": total, "ending": made.source.ending, "different": [path.name for path in made.others]},
        "notes": made.notes,
        "settings": [
            {"key": one.key, "value": one.value, "status": one.status, "what": one.what} for one in made.moving.told
        ],
    }
