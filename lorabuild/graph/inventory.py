"""What is on disk: the images of every concept, the texts beside them, the models; digests by the stat cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import walk
from lorabuild.core.statcache import FileDigest, StatCache
from lorabuild.core.words import hand
from lorabuild.images.suffixes import SUFFIXES
from lorabuild.models.source import Located, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lorabuild.core.nullindex import Seen
    from lorabuild.core.store import Store
    from lorabuild.schema.site import Site

    Digests = Mapping[Path, FileDigest]

BY_HAND = ".txt"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file.

    Attributes:
        path: relative to the project folder, with ``/``; absolute when it lies outside.
        absolute: where it is.
        digest: of its bytes; None when it can't be read.
        tags, tags_digest: the side file that a side-file tagger reads.
        text, text_digest: the caption that a person wrote beside it.
        problem: why it can't be read.
    """

    path: str
    absolute: Path
    digest: str | None
    tags: Path | None = None
    tags_digest: str | None = None
    text: Path | None = None
    text_digest: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that the plan starts from.

    Attributes:
        files: path → image file, in code point order, each once.
        members: concept → paths of its images.
        base: the base model.
        models: part of the base model → digest.
        tagger: file of the tagger → digest.
        folders: every folder that was searched.
    """

    files: dict[str, ImageFile]
    members: dict[str, tuple[str, ...]]
    base: Located
    models: dict[str, str]
    tagger: dict[str, str]
    folders: tuple[Path, ...]


def take(site: Site, store: Store, *, rehash: bool = False, seen: Seen | None = None) -> Inventory:
    """Look at the disk. Raises ``ProjectError`` when a model or a folder is missing.

    Args:
        site: the project and its folder.
        store: holds the stat cache.
        rehash: read every file again.
        seen: is shown every file before it is read, for the null index.
    """
    concepts = {name: site.path(concept.folder) for name, concept in site.project.concepts.items()}
    if seen:
        _show(seen.folder, concepts.values())
    found = {folder: walk(folder, SUFFIXES, within=site.root) for folder in sorted(set(concepts.values()))}
    base, tagger = locate(site), _tagger(site)
    images = [path for listing in found.values() for path in listing.files]
    endings = _endings(site)
    beside = {path: _beside(path, endings) for path in images}
    models = [path for paths in base.files.values() for path in paths]
    read = [*images, *(side for pair in beside.values() for side in pair if side), *models, *tagger.values()]
    if seen:
        _show(seen.file, [*models, *tagger.values()])
    digests = StatCache(store, rehash=rehash).digests(read)
    files = [_image(site, path, *beside[path], digests) for path in images]
    refused = {path: why for listing in found.values() for path, why in listing.problems.items()}
    files += [ImageFile(relative(site, path), path, None, problem=why) for path, why in refused.items()]
    return Inventory(
        files={file.path: file for file in sorted(files, key=lambda file: file.path)},
        members={
            name: tuple(relative(site, path) for path in found[folder].files) for name, folder in concepts.items()
        },
        base=base,
        models={part: _joined(base.path, paths, digests) for part, paths in base.files.items()},
        tagger={name: _needed(digests, path) for name, path in tagger.items()},
        folders=tuple(path for listing in found.values() for path in listing.folders),
    )


def _show(look: Callable[[Path], None], paths: Iterable[Path]) -> None:
    for path in paths:
        look(path)


def _tagger(site: Site) -> dict[str, Path]:
    tagger = site.project.captions.tagger
    return dict(hand("taggers", tagger.type).digests(tagger, site))


def _endings(site: Site) -> tuple[str | None, str | None]:
    """Ending of the files with tags, and of those with a person's caption."""
    tags = getattr(site.project.captions.tagger, "extension", None)
    return tags, None if tags == BY_HAND else BY_HAND


def _beside(path: Path, endings: tuple[str | None, str | None]) -> tuple[Path | None, Path | None]:
    places = (path.with_suffix(ending) if ending else None for ending in endings)
    tags, text = (place if place and place.is_file() else None for place in places)
    return tags, text


def _image(site: Site, path: Path, tags: Path | None, text: Path | None, digests: Digests) -> ImageFile:
    return ImageFile(
        relative(site, path),
        path,
        digests[path].digest,
        tags,
        digests[tags].digest if tags else None,
        text,
        digests[text].digest if text else None,
        digests[path].problem,
    )


def relative(site: Site, path: Path) -> str:
    """A path as a person writes it: below the project folder without that folder, with ``/``."""
    return path.relative_to(site.root).as_posix() if path.is_relative_to(site.root) else path.as_posix()


def _needed(digests: Digests, path: Path) -> str:
    held = digests[path]
    if held.digest is None:
        raise ProjectError(
            f"a model file can't be read: {held.problem}",
            where=str(path),
            next_step="check the file and its permissions",
        )
    return held.digest


def _joined(root: Path, paths: tuple[Path, ...], digests: Digests) -> str:
    """One digest of a part of the base model: its files' names below the model, and their bytes."""
    names = {
        path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name: _needed(digests, path)
        for path in paths
    }
    return digest(canonical(names))
