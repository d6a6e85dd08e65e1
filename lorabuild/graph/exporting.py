"""``export``: images, captions as trained, masks and repeats as other trainers expect them; nothing is replaced."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.core.digest import digest
from lorabuild.core.errors import BlobError, LorabuildError, ProjectError
from lorabuild.core.files import folded, numbered, read_if_there, write_plain
from lorabuild.core.lease import lease
from lorabuild.core.trouble import trouble
from lorabuild.graph import balancing
from lorabuild.graph.heldout import held_out
from lorabuild.graph.inventory import folders
from lorabuild.graph.members import Member, members, priors
from lorabuild.graph.prior import prior_pictures, prior_waiting
from lorabuild.graph.session import STORE
from lorabuild.graph.sources import of_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lorabuild.graph.view import View

REGULAR = "regularization"
LONGEST = 180  # bytes of a name; Linux takes 255, with a number, an ending and what trainers append
NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\n\t]+')


class Row(NamedTuple):
    """An image as it is exported: its member, its caption, its name without folder, one of a kind, and its ending."""

    member: Member
    caption: str
    name: str
    ending: str


class Alike(NamedTuple):
    """Images with the same repeats and the same resolutions."""

    repeats: int
    resolutions: tuple[int, ...]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Export:
    """What would be written.

    Attributes:
        files: path below the target → what makes its bytes.
        notes: what a person should know.
        left: word of lora.yaml → why it stays behind.
        counts: concept, images and repeats of those that are shown alike.
    """

    files: dict[str, Callable[[], bytes]]
    notes: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    counts: list[tuple[str, int, int]] = field(default_factory=list)


@contextmanager
def reading(view: View, *, originals: bool = True) -> Iterator[dict[str, list[Row]]]:
    """Concept → its images with their captions, read under a lease; regularization images under no name.

    ``originals``: as they lie there, where no step has changed them; else all of them are PNG.

    Raises ``ProjectError`` where a caption isn't made yet, or there is nothing to export.
    """
    keys = view.keys("caption")
    made = view.results | view.store.results(key for key in keys.values() if key not in view.results)
    blobs = {name: made[key].outputs["caption"] for name, key in keys.items() if key in made and not made[key].problem}
    found = [one for one in (*members(view), *priors(view)) if not one.twin]
    digests = {one.id: blobs[one.id] for one in found if one.id in blobs}
    with lease(view.site.root / STORE, digests.values()):
        waiting = [one.path for one in found if one.id not in digests]
        if waiting or not found:
            what = f"{waiting[0]} has no up-to-date caption" if waiting else "there is no image to export"
            more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
            raise ProjectError(what + more, next_step="run `lorabuild build caption` first")
        texts = {one.id: _caption(view, digests[one.id]) for one in found}
        yield _rows(view, found, texts, originals=originals)


def _caption(view: View, blob: str) -> str:
    try:
        return view.store.read(blob).decode()
    except BlobError as error:
        raise ProjectError("a caption is no longer in the store", next_step="run `lorabuild build caption`") from error


def _rows(view: View, found: Sequence[Member], texts: Mapping[str, str], *, originals: bool) -> dict[str, list[Row]]:
    """Names are those of the files; where two of a concept would share more than a text, one gets a number."""
    places = folders(view.site)
    rows: dict[str, list[Row]] = {name: [] for name in [*view.project.concepts, *places]}
    shared = view.project.images.masks != "side"  # else each has a mask of its own, called like it
    for concept, kept in rows.items():
        taken: dict[str, tuple[str, set[str]]] = {}
        for one in (one for one in found if one.concept == concept):
            path = PurePosixPath((view.site.root / one.whole).as_posix())
            top = PurePosixPath(places.get(concept, view.store.folder).as_posix())
            below = path.relative_to(top) if path.is_relative_to(top) else of_source(one.whole)
            ending = one.absolute(view).suffix if originals and not one.done else ".png"
            base = _short(NOT_IN_NAMES.sub("-", "-".join((*below.with_suffix("").parts, *one.part.split()))))
            name = numbered(base, partial(_fits, taken, texts[one.id], ending, shared))
            taken.setdefault(folded(name), (texts[one.id], set()))[1].add(ending.casefold())
            kept.append(Row(one, texts[one.id], name, ending))
    return {concept: known for concept, known in rows.items() if known}


def _fits(taken: Mapping[str, tuple[str, set[str]]], text: str, ending: str, shared: bool, name: str) -> bool:
    """Whether a name is free, or its images can share a text: as ``a.jpg`` and ``a.png`` do."""
    known = taken.get(folded(name))
    return known is None or (shared and known[0] == text and ending.casefold() not in known[1])


def _short(name: str) -> str:
    """The end of a name, where folders make it longer than file systems take."""
    whole = os.fsencode(name)
    return name if len(whole) <= LONGEST else whole[-LONGEST:].decode(errors="ignore").lstrip(" .-")


def original(view: View, row: Row) -> Callable[[], bytes]:
    """What makes the bytes of an image as it lies there; of one that a step has changed as it is trained on."""
    if row.member.done:
        return prepared(view, row)
    return lambda: _bytes(row.member.absolute(view), row.member.file)


def prepared(view: View, row: Row) -> Callable[[], bytes]:
    """What makes the bytes of an image as it is trained on, a PNG, with its mask as alpha."""

    def make() -> bytes:
        from lorabuild.images import exported

        seen, side = row.member.seen(view), mask_of(view, row)
        data = _bytes(Path(seen["path"]), row.member.kept[0] or row.member.file)
        masked, name = _bytes(side) if side else None, side.name if side else ""
        try:
            return exported.picture(data, view.project.images, masked, name, seen.get("moves", ""))
        except exported.UnreadableError as error:
            raise ProjectError(error.what, where=row.member.path) from error

    return make


def mask_of(view: View, row: Row) -> Path | None:
    """The file of an image's mask, where it has one of its own."""
    if row.member.kept[1]:
        return view.store.blobs.path(row.member.kept[1])
    return row.member.absolute(view).parent / row.member.side if row.member.side else None


def _bytes(path: Path, wanted: str | None = None) -> bytes:
    """The bytes of a file; those that the captions were made for."""
    data = read_if_there(path)
    if data is None or (wanted is not None and digest(data) != wanted):
        what = "is gone" if data is None else "was changed since its caption was made"
        raise ProjectError(what, where=str(path), next_step="run `lorabuild build caption`, then export again")
    return data


def notes(view: View) -> Iterator[str]:
    """What of the images another trainer does not see as this one does."""
    twins = sum(1 for one in members(view) if one.twin)
    if twins:
        yield f"{twins} {'images are copies' if twins > 1 else 'image is a copy'} of others in their concept: left out"
    if out := held_out(view):
        yield f"{len(out)} images that are held out for validation are among them"
    if lacking := drawn(view)[1]:
        yield f"{lacking} regularization images aren't drawn yet, and left out: `lorabuild build latents` draws them"


def drawn(view: View) -> tuple[list[tuple[str, str]], int]:
    """Prompt and blob of every regularization image that the base has drawn; how many it hasn't drawn yet."""
    wanted = [*prior_pictures(view)]
    made = view.store.results(item.key for item in wanted)
    found = [(item.reads["prompt"], made[item.key].outputs["picture"]) for item in wanted if item.key in made]
    return found, len(wanted) - len(found) + sum(1 for _ in prior_waiting(view))


def alike(view: View, rows: Iterable[Row]) -> list[Alike]:
    """A concept's images with those together that are shown alike."""
    found: dict[tuple[int, tuple[int, ...]], list[Row]] = {}
    for row in rows:
        said = balancing.repeats(view, row.member), balancing.resolutions(view, row.member)
        found.setdefault(said, []).append(row)
    return [Alike(*said, found[said]) for said in sorted(found, reverse=True)]


def put(export: Export, to: Path, view: View) -> list[Path]:
    """Write everything; what was written goes again where that fails. Returns the new files.

    Raises:
        ProjectError: something lies there already, or the folder lies among the images.
        StoreError: it can't be written.
    """
    _refuse(export, to, view)
    made: list[Path] = []
    try:
        for name, make in export.files.items():
            target = to / name
            new = [path for path in (target.parent, *target.parent.parents) if not path.exists()]
            with trouble("write this file", target):
                target.parent.mkdir(parents=True, exist_ok=True)
                made += new[::-1]
                data = make()
                made.append(target)
                write_plain(target, data)
    except (LorabuildError, KeyboardInterrupt):
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise
    return [path for path in made if path.is_file()]


def _refuse(export: Export, to: Path, view: View) -> None:
    real = Path(os.path.realpath(to))
    for name, folder in folders(view.site).items():
        inside = Path(os.path.realpath(folder))
        if real.is_relative_to(inside):
            what = f"this lies in the folder of `{name or REGULAR}`: what is exported would be trained"
            raise ProjectError(what, where=str(to), next_step="name another folder")
    if there := next((name for name in export.files if os.path.lexists(to / name)), None):
        what = f"{there} is there already, and is left as it is"
        raise ProjectError(what, where=str(to), next_step="name another folder, or move the file away")
