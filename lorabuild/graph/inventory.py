"""What is on disk: the images of every concept, the texts beside them, the models. Digests come through the stat cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical, digest
from lorabuild.core.files import walk
from lorabuild.core.statcache import StatCache
from lorabuild.core.words import hand
from lorabuild.images.suffixes import SUFFIXES
from lorabuild.models.source import Located, locate

if TYPE_CHECKING:
    from lorabuild.core.store import Store
    from lorabuild.schema.site import Site


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file.

    Attributes:
        path: relative to the project folder, with ``/``; absolute when it lies outside.
        absolute: where it is.
        digest: of its bytes; None when it can't be read.
        side: the text file beside it, if there is one.
        side_digest: of that file's bytes.
        problem: why it can't be read.
    """

    path: str
    absolute: Path
    digest: str | None
    side: Path | None = None
    side_digest: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that the plan starts from."""

    files: dict[str, ImageFile]
    members: dict[str, tuple[str, ...]]
    base: Located
    models: dict[str, str]
    tagger: dict[str, str]
    folders: tuple[Path, ...]
    watched: tuple[Path, ...]


def take(site: Site, store: Store, *, rehash: bool = False) -> Inventory:
    """Look at the disk. Raises ``ProjectError`` when a model is missing."""
    concepts = {name: site.path(concept.folder) for name, concept in site.project.concepts.items()}
    found = {folder: walk(folder, SUFFIXES) for folder in sorted(set(concepts.values()))}
    sides = {path: side for listing in found.values() for path in listing.files if (side := _side(site, path))}
    base = locate(site)
    tagger = hand("taggers", site.project.captions.tagger.type).digests(site.project.captions.tagger, site)
    models = [path for paths in base.files.values() for path in paths]
    wanted = [*(path for listing in found.values() for path in listing.files), *sides.values(), *models, *tagger.values()]
    cache = StatCache(store, rehash=rehash)
    digests = cache.digests(wanted)
    files = {}
    for listing in found.values():
        for path in listing.files:
            name = relative(site, path)
            got, side = digests[path], sides.get(path)
            files[name] = ImageFile(
                name, path, got.digest, side, digests[side].digest if side else None, got.problem
            )
        for path, problem in listing.problems.items():
            files[relative(site, path)] = ImageFile(relative(site, path), path, None, problem=problem)
    return Inventory(
        files=files,
        members={name: _names(site, found[folder].files) for name, folder in concepts.items()},
        base=base,
        models={part: _joined(base, part, digests) for part in base.files},
        tagger={name: digests[path].digest or "" for name, path in tagger.items()},
        folders=tuple(folder for listing in found.values() for folder in listing.folders),
        watched=tuple(wanted),
    )
