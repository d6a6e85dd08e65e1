"""What a clean build knew of every image, kept beside the store, so that the next plan looks only at what has changed.

The index holds the stamps of all image folders, and for each image that was scanned, prepared, tagged and captioned its
keys and the few facts that planning reads. The plan takes these over for images whose stamps are the same, and works
out the rest in the usual way. It may know too little, never something wrong: with other settings, other models, a link
in a folder, a blob that is gone, or any doubt, everything is planned in the usual way.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from lorabuild.captions.levels import by_frequency
from lorabuild.core.digest import canonical, digest
from lorabuild.core.files import write_plain
from lorabuild.core.nullcheck import FIELDS, folder_stamps, pack, unpack
from lorabuild.core.nullindex import STORE, code
from lorabuild.core.stamps import FOREIGN, Stamp, racy
from lorabuild.graph.column import Column
from lorabuild.graph.masks import alike, images_of, is_image, owner_stem, stem_of
from lorabuild.graph.members import finished
from lorabuild.graph.order import BY_MEMBER, BY_PATH
from lorabuild.graph.outside import inside
from lorabuild.graph.sides import is_side
from lorabuild.schema.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from lorabuild.core.nullindex import Seen
    from lorabuild.core.stamps import Now
    from lorabuild.core.store import Store
    from lorabuild.graph.outside import Marks
    from lorabuild.graph.view import View
    from lorabuild.schema.site import Site

PLACE = f"{STORE}/settled.idx"
READ = ("latents", "text")  # the stages whose outputs planning reads
TOLD = ("caption",)  # those whose facts it reads, beside what the rows of members hold
Listing = tuple[list[str], list[int]]


@dataclass(slots=True)
class Settled:
    """What is taken over from the last build.

    Attributes:
        folders: image folder → names and stamps, as they were.
        open: images that are planned in the usual way whatever their stamps say: twins, those set aside, young ones.
        refused: what lies in the folders and is no image to be read → why.
        members: one row an image and concept, the fields of ``members.Member``.
        held: stage → its finished items.
        records: stage → on what its results were made.
        outside: picture of a source → what it held, see ``graph.outside``.
    """

    folders: dict[str, Listing]
    open: set[str]
    refused: dict[str, str]
    members: list[tuple[Any, ...]]
    held: dict[str, Column]
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outside: Marks = field(default_factory=dict)

    def without(self, paths: Iterable[str]) -> Settled:
        """The same without some images."""
        gone = set(paths)
        if not gone:
            return self
        ids = {row[0] for row in self.members if row[2] in gone}
        names = _names(gone, ids, self.held["latents"].ids)
        return Settled(
            self.folders,
            self.open,
            self.refused,
            [row for row in self.members if row[2] not in gone],
            {stage: column.less(names[stage]) if stage in names else column for stage, column in self.held.items()},
            self.records,
            {name: mark for name, mark in self.outside.items() if name not in gone},
        )


def _names(paths: set[str], ids: set[str], latents: Iterable[str]) -> dict[str, set[str]]:
    """Stage → what its items are called by: images, images in a concept, of latents also in a further resolution."""
    further = {name for name in latents if name.rpartition(" [")[0] in ids}
    return {**dict.fromkeys(BY_PATH, paths), **dict.fromkeys(BY_MEMBER, ids), "latents": ids | further}


def read(site: Site, store: Store, about: str) -> Settled | None:
    """What the last build left for these settings and models; None when it left nothing that can be trusted."""
    try:
        found, newest, shelves, *rest = unpack((site.root / PLACE).read_bytes())
        if found == about and shelves == _shelves(store) and newest <= _newest(store):
            folders, left, refused, rows, columns, records, outside = rest
            held = {stage: Column(*column) for stage, column in columns.items()}
            return Settled(folders, left, refused, rows, held, records, outside)
    except (OSError, ValueError, TypeError, EOFError):
        pass
    return None


def about(site: Site, models: Sequence[Any]) -> str:
    """What every key depends on beside the images: settings, models, and the code that makes keys of them."""
    return digest(canonical([code(), site.consumed(), models]))


def changed(known: Settled, root: Path, endings: Iterable[str], look: Callable[[str], Listing]) -> set[str] | None:
    """The images to be planned in the usual way, gone ones too; None when only a full search can tell.

    Args:
        known: from the last build.
        root: the project's folder.
        endings: of the files beside images that are read, too.
        look: gives names and stamps of a folder as they are now. May raise OSError.
    """
    found = set(known.open)
    try:
        for place, then in known.folders.items():
            now = look(place)
            if now != then and not _differing(known, root, place, then, now, tuple(endings), found):
                return None
    except OSError:
        return None
    return found


def _differing(
    known: Settled, root: Path, place: str, then: Listing, now: Listing, endings: tuple[str, ...], found: set[str]
) -> bool:
    """Add what differs in one folder; False when it holds something that only a search can judge."""
    before, after = _by_name(then), _by_name(now)
    masked = alike(known.folders) if before.keys() != after.keys() else {}
    for name in before.keys() | after.keys():
        path = f"{place}/{name}"
        if before.get(name) == after.get(name) or name.startswith(".") or path in known.folders:
            continue
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 – a path object costs more than all the rest
        if name in after and not S_ISREG((root / path).lstat().st_mode):
            return False
        if path.removeprefix("./") in known.refused or is_side(name):
            return False
        if suffix in SUFFIXES:
            if (name in before) != (name in after) and (owner_stem(path) or stem_of(path) in masked):
                return False
            found |= {image.removeprefix("./") for image in (path, *images_of(path, known.folders))}
        elif name.endswith(endings):
            stem = name.removesuffix(next(ending for ending in endings if name.endswith(ending)))
            beside = [other for other in after if os.path.splitext(other)[0] == stem]  # noqa: PTH122
            found |= {f"{place}/{other}".removeprefix("./") for other in beside if is_image(other)}
    return True


def place(path: str) -> str:
    """A path as the folders' places are named: below the project with ``./``."""
    return path if os.path.isabs(path) else f"./{path}"  # noqa: PTH117 – a path object costs more than all the rest


def _by_name(listing: Listing) -> dict[str, tuple[int, ...]]:
    names, stamps = listing
    return dict(zip(names, zip(*(iter(stamps),) * FIELDS, strict=True), strict=True))


def settle(view: View, seen: Seen) -> None:
    """Keep what this build knows for the next one. Nothing is kept where a file can't be judged by its stamp."""
    inventory = view.inventory
    folders = {place: held for place, held in seen.folders.items() if place in inventory.places}
    if seen.unclear or inventory.linked or set(folders) != inventory.places or _across(view) or _both(view):
        return
    path = view.site.root / PLACE
    beside = path.with_suffix(f".{os.getpid():x}")
    try:
        write_plain(beside, pack(_content(view, folders, seen.at)))
        beside.replace(path)
    except (OSError, ValueError):
        with suppress(OSError):
            beside.unlink()


def _content(view: View, folders: dict[str, Listing], at: Now | None) -> tuple[Any, ...]:
    """What ``read`` takes apart. Raises ValueError where it can't be said in columns."""
    known = view.inventory.settled
    members, left = finished(view)
    young = {path for place, listing in folders.items() for path in _young(place, listing, at)}
    left |= young | {image.removeprefix("./") for path in young for image in images_of(place(path), folders)}
    given, outside = view.inventory.sources, view.inventory.outside
    own = inside(given, view.site.root)
    foreign = set(given.names.values()) - own
    left |= own | (foreign - outside.keys())
    rows = [tuple(member) for member in members if member.path not in left]
    left -= foreign  # no stamp tells of these
    latents = {*view.settled("latents").ids, *(view.made("latents") if "latents" in view.steps else ())}
    names = _names({str(row[2]) for row in rows}, {str(row[0]) for row in rows}, latents)
    records = {stage: list(known.records.get(stage, ())) if known else [] for stage in (*names, "text")}
    columns = {stage: _column(view, stage, names.get(stage), made) for stage, made in records.items()}
    columns |= {stage: columns[stage].only(names[stage]) for stage in names}
    return (
        view.inventory.about,
        _newest(view.store),
        _shelves(view.store),
        folders,
        left,
        {name: why for name, why in view.inventory.refused.items() if name not in given.refused},
        rows,
        {stage: tuple(getattr(column, name) for name in Column.__slots__) for stage, column in columns.items()},
        records,
        {name: outside[name] for name in names[BY_PATH[0]] & outside.keys()},
    )


def _column(view: View, stage: str, images: set[str] | None, records: list[dict[str, Any]]) -> Column:
    """The finished items of a stage, no prior pictures; as they were where this build didn't come to it.

    Their records are looked up in ``records``, and added where they are new.
    """
    if stage not in view.steps:
        return view.settled(stage)
    found = ((name, result) for name, result in view.made(stage).items() if images is None or name in images)
    made = {name: result for name, result in found if not result.problem}
    records += [record for record in view.records(stage) if record not in records]
    marks = [records.index(dict(result.record)) if result.record else _unmarked(records) for result in made.values()]
    held = {name: (result.key, dict(result.outputs)) for name, result in made.items()}
    names = sorted({name for _, outputs in held.values() for name in outputs}) if stage in READ else ()
    facts = [dict(result.facts) for result in made.values()] if stage in TOLD else []
    return view.step(stage).taken.plus(Column.of(held, names, marks, facts))


def _unmarked(records: list[dict[str, Any]]) -> int:
    """The number of the empty record: what is exact needs none."""
    if {} not in records:
        records.append({})
    return records.index({})


def _both(view: View) -> bool:
    """Whether a source waits, or refuses what lies in an image folder as well: then only a search can judge it."""
    given, places = view.inventory.sources, view.inventory.places
    return bool(given.waiting) or any(place(name).rpartition("/")[0] in places for name in given.refused)


def _across(view: View) -> bool:
    """Whether the caption of one image depends on all the others."""
    return by_frequency(view.project)


def _young(place: str, listing: Listing, at: Now | None) -> set[str]:
    """Images whose stamps, or those of what lies beside them, may still change without showing it."""
    names, stamps = listing
    if at is None:
        return {f"{place}/{name}".removeprefix("./") for name in names}
    if max(stamps[0::FIELDS] + stamps[1::FIELDS], default=0) < at.ns - FOREIGN:
        return set()
    young = set()
    for name, (ctime, mtime, size, inode, device) in _by_name(listing).items():
        if racy(Stamp(size, mtime, ctime, inode, device), at):
            young.add(os.path.splitext(name)[0])  # noqa: PTH122
    beside = (name for name in names if os.path.splitext(name)[0] in young and is_image(name))  # noqa: PTH122
    return {f"{place}/{name}".removeprefix("./") for name in beside}


def _shelves(store: Store) -> Listing:
    """The folders of large blobs: a blob that comes or goes changes the stamp of its folder."""
    try:
        return folder_stamps("", os.fspath((store.folder / "blobs").absolute()))
    except OSError:
        return [], []


def _newest(store: Store) -> int:
    """The number of the newest result: it never falls while the database is the same one."""
    return int(store.database.rows("SELECT coalesce(max(rowid), 0) FROM main.results")[0][0])
