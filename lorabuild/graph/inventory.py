"""What is on disk: the images of every concept, the texts beside them, the models; digests by the stat cache."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lorabuild.core.files import walk
from lorabuild.core.nullcheck import folder_stamps
from lorabuild.core.statcache import FileDigest, StatCache
from lorabuild.graph import grid_folder, masks, mirror, outside, settled, sides, sources, stepping
from lorabuild.graph.allowed import show_code
from lorabuild.graph.imagefile import ImageFile
from lorabuild.graph.models import commits, joined, judge_files, merged_files, needed, table_files, tagger_files
from lorabuild.graph.prompting import prompt_files
from lorabuild.models.source import Located, locate
from lorabuild.schema.parts import parts
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.nullindex import Seen
    from lorabuild.core.store import Store
    from lorabuild.graph.outside import Marks
    from lorabuild.graph.settled import Settled
    from lorabuild.graph.sources import Given
    from lorabuild.schema.site import Site

    Digests = Mapping[Path, FileDigest]

BY_HAND = ".txt"


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
        step_models: what lora.yaml calls a model of a step → digest.
        sources: what ``sources:`` gave; what isn't settled is among the files and members.
        outside: picture of a source → what it holds, see ``graph.outside``.
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
    step_models: dict[str, str] = field(default_factory=dict)
    sources: Given = field(default_factory=sources.Given)
    outside: Marks = field(default_factory=dict)


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
        *(of_steps := stepping.model_files(site)).values(),
    ]
    if seen:
        _show(site, seen, concepts.values(), of_models)
    cache = StatCache(store, rehash=rehash)
    edits = mirror.edits(site, cache)
    known = cache.digests(of_models)
    models = {part: joined(base.path, paths, known) for part, paths in base.files.items()}
    tagging = {name: needed(known, path) for name, path in tagger.items()}
    facts = [base.kind, base.vae_factor, base.prediction_type, base.zero_terminal_snr]
    implications = [needed(known, path) for path in table]
    step_models = {name: needed(known, path) for name, path in of_steps.items()}
    about = settled.about(site, [models, tagging, *facts, *implications, step_models])
    given = sources.given(site, store, cache, filter(None, endings(site)), partial(_told_apart, site), seen)
    own = outside.inside(given, site.root)
    found = None if rehash or again else _known(site, store, about, edits, seen, own)
    found = found or _searched(site, concepts.values())
    files = _images(site, found, given, cache)
    holds = outside.marks(files, given, own)
    same, held = outside.taken(found.settled, holds)
    return Inventory(
        files={file.path: file for file in sorted(files, key=lambda file: file.path) if file.path not in same},
        members=_members(site, concepts, found.images, given, same),
        settled=held,
        refused=found.refused | given.refused,
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
        step_models=step_models,
        sources=given,
        outside=holds,
    )


def folders(site: Site) -> dict[str, Path]:
    """Concept → its folder; under no name that of regularization images of one's own."""
    found = {name: site.path(concept.folder) for name, concept in site.project.concepts.items() if concept.folder}
    wanted = site.project.regularization
    return {**found, **({"": site.path(wanted.folder)} if wanted and wanted.folder else {})}


def _known(
    site: Site, store: Store, about: str, edits: Mapping[str, Path], seen: Seen | None, own: set[str]
) -> _Search | None:
    """What has changed since the last build; None when only a search can tell. ``own``: of sources, in the project."""
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
    changed |= {name for name in own if settled.place(name).rpartition("/")[0] in held.folders}
    of_folders = sorted(changed - held.outside.keys())
    images = [path for path in map(site.root.joinpath, of_folders) if path.is_file()]
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
    places = {settled.place(relative(site, folder)) for listing in found.values() for folder in listing.folders}
    linked = any(listing.linked for listing in found.values())
    refused = {relative(site, path): why for path, why in told.refused.items()}
    return _Search(told.images, problems | refused, places, linked, masks=told.masks)


def _told_apart(site: Site, paths: Sequence[Path]) -> masks.Told:
    """Images and masks by their names."""
    images, refused = sides.told_apart(paths, stepping.besides(site.project))
    told = masks.told_apart(images, folders(site).values(), wanted=site.project.images.masks == "side")
    return told._replace(refused=told.refused | refused)


def _images(site: Site, found: _Search, given: Given, cache: StatCache) -> list[ImageFile]:
    wanted, of_images = endings(site), given.masks | found.masks
    paths = dict.fromkeys([*found.images, *given.names])
    beside = {path: (*_beside(path, wanted, given), of_images.get(path)) for path in paths}
    digests = cache.digests([*paths, *(side for sides in beside.values() for side in sides if side)])
    images = [_image(site, path, *beside[path], digests, given.names.get(path, "")) for path in paths]
    files = sides.attached(images, stepping.besides(site.project), cache, partial(_closed, site))
    return files + [
        ImageFile(name, site.root / name, None, problem=why) for name, why in (found.refused | given.refused).items()
    ]


def _members(
    site: Site, concepts: Mapping[str, Path], images: Sequence[Path], given: Given, settled: set[str]
) -> dict[str, tuple[str, ...]]:
    """The images in the concepts' folders, and those of their sources that aren't settled."""
    members: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys([*site.project.concepts, *concepts]):
        within = os.fspath(concepts[name]) + os.sep if name in concepts else "\0"
        held, more = [path for path in images if os.fspath(path).startswith(within)], given.members.get(name, [])
        named = (given.names.get(path) or relative(site, path) for path in [*held, *more])
        called = [name for name in named if name not in settled]
        members[name] = tuple(sorted({*called}) if more else called)
    return members


def _show(site: Site, seen: Seen, folders: Iterable[Path], files: Iterable[Path]) -> None:
    for folder in folders:
        seen.folder(folder)
    for file in files:
        seen.file(file)
    seen.folder_if_there(site.root / mirror.FOLDER)
    seen.names(grid_folder.folder(site))
    show_code(site, seen)


def endings(site: Site) -> tuple[str | None, str | None]:
    """Ending of the files with tags, and of those with a person's caption."""
    told = (getattr(part, "extension", None) for part in parts(site.project.captions.tagger))
    tags = next(filter(None, told), None)
    return tags, None if tags == BY_HAND else BY_HAND


def _beside(path: Path, endings: tuple[str | None, str | None], given: Given) -> tuple[Path | None, Path | None]:
    """The texts with tags, and with a person's caption; what a source says itself stands for the ``.txt``."""
    if words := given.words.get(path):
        return (words, None) if endings[0] == BY_HAND else (None, words)
    places = (path.with_suffix(ending) if ending and path not in given.alone else None for ending in endings)
    tags, text = (place if place and os.path.lexists(place) else None for place in places)
    return tags, text


def _image(
    site: Site, path: Path, tags: Path | None, text: Path | None, mask: Path | None, digests: Digests, name: str
) -> ImageFile:
    """An image; one whose words or mask can't be read is none, for it would be learned without them."""
    closed = (_closed(site, side, digests) for side in (tags, text, mask) if side)
    problem = digests[path].problem or next(filter(None, closed), None)
    return ImageFile(
        name or relative(site, path),
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
    whole, within = os.fspath(path), f"{site.root}{os.sep}"
    if whole.startswith(within):  # of very many, without looking at their parts
        return whole.removeprefix(within).replace(os.sep, "/")
    return path.relative_to(site.root).as_posix() if path.is_relative_to(site.root) else path.as_posix()
