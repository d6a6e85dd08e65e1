"""What is on disk: the images of every concept, the texts beside them, the models; digests by the stat cache."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lorabuild.core.files import walk
from lorabuild.core.nullcheck import folder_stamps
from lorabuild.core.statcache import FileDigest, StatCache
from lorabuild.graph import masks, mirror, settled
from lorabuild.graph.allowed import show_code
from lorabuild.graph.models import commits, joined, judge_files, merged_files, needed, table_files, tagger_files
from lorabuild.graph.prompting import prompt_files
from lorabuild.models.source import Located, locate
from lorabuild.schema.parts import parts
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.nullindex import Seen
    from lorabuild.core.store import Store
    from lorabuild.graph.settled import Settled
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
        mask, mask_digest: what of it is learned, where masks lie beside the images.
        problem: why it can't be read.
    """

    path: str
    absolute: Path
    digest: str | None
    tags: Path | None = None
    tags_digest: str | None = None
    text: Path | None = None
    text_digest: str | None = None
    mask: Path | None = None
    mask_digest: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that the plan starts from.

    Attributes:
        files: path → image file, in code point order, each once; those that are settled are left out.
        members: concept → paths of its images, without the settled ones; under no name regularization images.
        settled: what is taken over from the last build; None where everything is looked at.
        refused: what lies in the folders and is no image to be read → why; they are among the files.
        base: the base model.
        models: part of the base model → digest.
        tagger: file of the tagger → digest.
        revisions: ``base``, ``vae``, ``tagger`` → commit, as far as they are models of the hub.
        about: digest of all that every key depends on beside the images.
        places: every folder that was searched, as the null index names it.
        linked: whether a link was met there.
        edits: name of an image → its text in the mirror, where a person has edited that.
        implications: digest of the table of ``captions.implications``; None without one.
        merged: digests of the LoRAs that ``finish:`` merges.
        judge: digest of the model of ``judge.model``; None without one.
    """

    files: dict[str, ImageFile]
    members: dict[str, tuple[str, ...]]
    settled: Settled | None
    refused: dict[str, str]
    base: Located
    models: dict[str, str]
    tagger: dict[str, str]
    revisions: dict[str, str]
    about: str
    places: set[str]
    linked: bool
    edits: dict[str, Path]
    implications: str | None = None
    merged: tuple[str, ...] = ()
    judge: str | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """What the image folders hold, as far as it has to be looked at."""

    images: list[Path]
    refused: dict[str, str]
    places: set[str]
    linked: bool = False
    settled: Settled | None = None
    masks: dict[Path, Path] = field(default_factory=dict)


def take(site: Site, store: Store, *, rehash: bool = False, seen: Seen | None = None, again: bool = False) -> Inventory:
    """Look at the disk. Raises ``ProjectError`` when a model or a folder is missing.

    Args:
        site: the project and its folder.
        store: holds the stat cache.
        rehash: read every file again.
        seen: is shown every file before it is read, for the null index.
        again: look at everything, because it did not stay as it was.
    """
    concepts = folders(site)
    base, tagger = locate(site), tagger_files(site)
    of_models = [
        *(path for paths in base.files.values() for path in paths),
        *tagger.values(),
        *(table := table_files(site)),
        *prompt_files(site),
        *(merged := merged_files(site)),
        *(judge := judge_files(site)),
    ]
    if seen:
        _show(seen.folder, concepts.values())
        _show(seen.file, of_models)
        seen.folder_if_there(site.root / mirror.FOLDER)
        show_code(site, seen)
    cache = StatCache(store, rehash=rehash)
    edits = mirror.edits(site, cache)
    known = cache.digests(of_models)
    models = {part: joined(base.path, paths, known) for part, paths in base.files.items()}
    tagging = {name: needed(known, path) for name, path in tagger.items()}
    facts = [base.kind, base.vae_factor, base.prediction_type, base.zero_terminal_snr]
    implications = [needed(known, path) for path in table]
    about = settled.about(site, [models, tagging, *facts, *implications])
    found = None if rehash or again else _known(site, store, about, edits, seen)
    found = found or _searched(site, concepts.values())
    files = _images(site, found, cache)
    return Inventory(
        files={file.path: file for file in sorted(files, key=lambda file: file.path)},
        members={name: _below(site, folder, found.images) for name, folder in concepts.items()},
        settled=found.settled,
        refused=found.refused,
        base=base,
        models=models,
        tagger=tagging,
        revisions=commits(site, base, tagger),
        about=about,
        places=found.places,
        linked=found.linked,
        edits=edits,
        implications=next(iter(implications), None),
        merged=tuple(needed(known, path) for path in merged),
        judge=joined(site.root, tuple(judge), known) if judge else None,
    )


def folders(site: Site) -> dict[str, Path]:
    """Concept → its folder; under no name that of regularization images of one's own."""
    found = {name: site.path(concept.folder) for name, concept in site.project.concepts.items() if concept.folder}
    wanted = site.project.regularization
    return {**found, **({"": site.path(wanted.folder)} if wanted and wanted.folder else {})}


def _known(site: Site, store: Store, about: str, edits: Mapping[str, Path], seen: Seen | None) -> _Search | None:
    """What has changed since the last build; None when that can't be told without a search."""
    held = settled.read(site, store, about)
    if held is None:
        return None
    root = os.fspath(site.root) + os.sep
    look = (lambda place: seen.folders[place]) if seen else (lambda place: folder_stamps(root, place))
    wanted = [ending for ending in endings(site) if ending]
    if seen and not held.folders.keys() <= seen.folders.keys():
        return None
    changed = settled.changed(held, site.root, wanted, look)
    if changed is None:
        return None
    changed |= mirror.edited(site, edits, [(row[0], row[1], row[2]) for row in held.members])
    images = [path for path in map(site.root.joinpath, sorted(changed)) if path.is_file()]
    beside = _masks_beside(site, held, changed)
    told = _told_apart(site, sorted({*images, *beside}))
    images = [path for path in told.images if path not in beside]
    return _Search(images, held.refused, set(held.folders), settled=held.without(changed), masks=told.masks)


def _masks_beside(site: Site, held: Settled, changed: set[str]) -> set[Path]:
    """What is called like a mask of one of these images, and is none of them."""
    named = masks.named_like(map(settled.place, changed), held.folders)
    return {site.root / name for name in named} - {site.root / path for path in changed}


def _searched(site: Site, folders: Iterable[Path]) -> _Search:
    """Every image in the folders, with its mask."""
    found = {folder: walk(folder, SUFFIXES, within=site.root) for folder in sorted(set(folders))}
    problems = {relative(site, path): why for listing in found.values() for path, why in listing.problems.items()}
    told = _told_apart(site, sorted({path for listing in found.values() for path in listing.files}))
    places = {_place(site, folder) for listing in found.values() for folder in listing.folders}
    linked = any(listing.linked for listing in found.values())
    refused = {relative(site, path): why for path, why in told.refused.items()}
    return _Search(told.images, problems | refused, places, linked, masks=told.masks)


def _told_apart(site: Site, paths: Sequence[Path]) -> masks.Told:
    """Images and masks by their names."""
    return masks.told_apart(paths, folders(site).values(), wanted=site.project.images.masks == "side")


def _images(site: Site, found: _Search, cache: StatCache) -> list[ImageFile]:
    wanted = endings(site)
    beside = {path: (*_beside(path, wanted), found.masks.get(path)) for path in found.images}
    digests = cache.digests([*found.images, *(side for sides in beside.values() for side in sides if side)])
    files = [_image(site, path, *beside[path], digests) for path in found.images]
    return files + [ImageFile(name, site.root / name, None, problem=why) for name, why in found.refused.items()]


def _below(site: Site, folder: Path, images: Iterable[Path]) -> tuple[str, ...]:
    """The images in a concept's folder."""
    within = os.fspath(folder) + os.sep
    return tuple(relative(site, path) for path in images if os.fspath(path).startswith(within))


def _place(site: Site, folder: Path) -> str:
    """A folder as the null index names it."""
    return f"./{folder.relative_to(site.root).as_posix()}" if folder.is_relative_to(site.root) else folder.as_posix()


def _show(look: Callable[[Path], None], paths: Iterable[Path]) -> None:
    for path in paths:
        look(path)


def endings(site: Site) -> tuple[str | None, str | None]:
    """Ending of the files with tags, and of those with a person's caption."""
    told = (getattr(part, "extension", None) for part in parts(site.project.captions.tagger))
    tags = next(filter(None, told), None)
    return tags, None if tags == BY_HAND else BY_HAND


def _beside(path: Path, endings: tuple[str | None, str | None]) -> tuple[Path | None, Path | None]:
    places = (path.with_suffix(ending) if ending else None for ending in endings)
    tags, text = (place if place and os.path.lexists(place) else None for place in places)
    return tags, text


def _image(
    site: Site, path: Path, tags: Path | None, text: Path | None, mask: Path | None, digests: Digests
) -> ImageFile:
    """An image; one whose words or mask can't be read is none, for it would be learned without them."""
    closed = (_closed(site, side, digests) for side in (tags, text, mask) if side)
    problem = digests[path].problem or next(filter(None, closed), None)
    return ImageFile(
        relative(site, path),
        path,
        None if problem else digests[path].digest,
        tags,
        digests[tags].digest if tags else None,
        text,
        digests[text].digest if text else None,
        mask,
        digests[mask].digest if mask else None,
        problem,
    )


def _closed(site: Site, side: Path, digests: Digests) -> str | None:
    """Why the words or the mask beside an image can't be used."""
    if side.is_symlink() and not os.path.realpath(side).startswith(os.path.realpath(site.root) + os.sep):
        return f"{side.name} beside it is a link that leads outside"
    why = digests[side].problem
    return f"{side.name} beside it can't be read: {why}" if why else None


def relative(site: Site, path: Path) -> str:
    """A path as a person writes it: below the project folder without that folder, with ``/``."""
    return path.relative_to(site.root).as_posix() if path.is_relative_to(site.root) else path.as_posix()
