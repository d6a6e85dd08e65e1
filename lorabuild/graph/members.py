"""Which image belongs to which concept, as far as it is known – and which of them can be used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.graph.likeness import likeness
from lorabuild.graph.mirror import edited
from lorabuild.graph.shares import WHOLE, spans, takes
from lorabuild.graph.shown import shown
from lorabuild.graph.stepping import pictures
from lorabuild.images.header import size as header_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.item import Result
    from lorabuild.graph.imagefile import ImageFile
    from lorabuild.graph.view import View


class Member(NamedTuple):
    """An image in a concept, with what is known of it.

    Attributes:
        id: names it in every later stage: its path, with the concept where several share the folder.
        concept: the concept's name.
        path: the image, relative to the project where it lies there.
        file: digest of its bytes.
        scanned: digest of its pixels as they lie in the file; None before it is scanned.
        pixels: digest of its pixels as they are trained on; None before it is prepared.
        size: width and height as it is trained on; read from its header before it is prepared, None if that fails.
        caption: its caption; None before it is captioned.
        twin: path of the picture in the same concept that is used instead of this one: an equal one, or one alike.
        mask: digest of its mask's pixels; None where it has none.
        flaw: what is wrong with its mask: ``black`` or ``grey`` all over, or nothing.
        side: the mask's file as it lies beside the image, where it is one of its own.
        part: which of the pictures that the image gives; empty where it gives one. It stands behind ``path``.
        moves: what was cut off it and added around it, as ``images.moves`` writes it.
        kept: blob with the picture, where a step has painted it; and with its mask, where that is no file.
        done: the steps that were taken.
    """

    id: str
    concept: str
    path: str
    file: str
    scanned: str | None
    pixels: str | None
    size: tuple[int, int] | None
    caption: str | None
    twin: str | None
    mask: str | None = None
    flaw: str = ""
    side: str | None = None
    part: str = ""
    moves: str = ""
    kept: tuple[str, str] = ("", "")
    done: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """The path without the part."""
        return self.path.removesuffix(f" [{self.part}]") if self.part else self.path

    def absolute(self, view: View) -> Path:
        """Where the image lies."""
        file = view.inventory.files.get(self.whole)
        return file.absolute if file else _of_sources(view).get(self.whole, view.site.root / self.whole)

    def seen(self, view: View) -> dict[str, str]:
        """Where its training picture is read from: ``path``, and ``moves`` that are made again."""
        return _seen_at(view, self.absolute(view), self.kept[0], self.moves)


@dataclass(frozen=True, slots=True)
class Fresh:
    """An image in a concept that this plan looks at itself; nothing is taken over from an earlier build."""

    id: str
    concept: str
    file: ImageFile
    twin: str | None = None


def usable(view: View) -> Iterator[tuple[ImageFile, Result | None]]:
    """Image files that aren't set aside, with their prepared result; None while that waits."""
    scanned, prepared = view.made("scan"), view.made("prepare")
    for file in view.inventory.files.values():
        scan = scanned.get(file.path)
        for one in pictures(view, file) if file.digest and not (scan and scan.problem) else ():
            result = prepared.get(one.path)
            if not (result and result.problem):
                yield one, result


def seen(view: View, file: ImageFile, prepared: Result) -> dict[str, str]:
    """Where a picture is read from once it is prepared: ``path``, and ``moves`` that are made again."""
    return _seen_at(view, file.absolute, prepared.outputs.get("picture", ""), prepared.facts.get("moves", ""))


def _of_sources(view: View) -> dict[str, Path]:
    """What pictures of sources are called → where they lie."""
    return view.derived("of sources", lambda view: {name: path for path, name in view.inventory.sources.names.items()})


def _seen_at(view: View, path: Path, kept: str, moves: str) -> dict[str, str]:
    if kept:
        return {"path": str(view.store.blobs.path(kept))}
    return {"path": str(path), **({"moves": moves} if moves else {})}


def fresh(view: View) -> list[Fresh]:
    """Every usable image that isn't settled, concept by concept; of two equal pictures one is used.

    An image that the tagger set aside is none: without tags it has no caption, and without a caption nobody learns it.
    """
    return view.derived("fresh", _fresh)


def _fresh(view: View) -> list[Fresh]:
    untagged = {path for path, result in view.made("tag").items() if result.problem}
    known: dict[str, list[tuple[ImageFile, Result | None]]] = {}
    for file, result in usable(view):
        if file.path not in untagged:
            known.setdefault(file.source, []).append((file, result))
    shared = Counter(path for paths in view.inventory.members.values() for path in paths)
    parts = {concept: span for concept, span in spans(view.project.concepts).items() if span != WHOLE}
    pixels, ask = _scanned(view) if parts else {}, shown(view)
    found = []
    for concept, paths in view.inventory.members.items():
        part = parts.get(concept)
        used = [
            one
            for path in paths
            if path in known and (part is None or takes(part, pixels[path])) and ask(concept, path).repeats != 0
            for one in known[path]
        ]
        equal: dict[str, list[ImageFile]] = {}
        for file, result in used:
            equal.setdefault(_picture(file, result), []).append(file)
        chosen = {picture: min(files, key=_claim).path for picture, files in equal.items()}
        near = _near(view, used, concept) if view.project.images.duplicates == "drop" else {}
        for file, result in used:
            twin = chosen[_picture(*near.get(file.path, (file, result)))]
            name = f"{file.path} ({concept})" if shared[file.source] > 1 else file.path
            found.append(Fresh(name, concept, file, twin if twin != file.path else None))
    return found


def _near(
    view: View, used: Sequence[tuple[ImageFile, Result | None]], concept: str
) -> dict[str, tuple[ImageFile, Result | None]]:
    """Path → the larger picture like it that is used instead; nothing before all of them were looked at."""
    pixels = _scanned(view)
    whole = {pixels[file.path]: (file, result) for file, result in used if not file.part}
    found = likeness(view, [*(pixels[file.source] for file, _ in used), *_settled(view, concept)])
    instead = {other: whole[kept] for kept, other, _ in found["near"] if kept in whole} if found else {}
    return {file.path: instead[one] for file, _ in used if not file.part and (one := pixels[file.path]) in instead}


def _settled(view: View, concept: str) -> set[str]:
    """The digests of the settled pictures of a concept, as they lie in their files."""
    known = view.inventory.settled
    return {str(row[4]) for row in known.members if row[1] == concept} if known else set()


def _scanned(view: View) -> dict[str, str]:
    """Path → digest of an image's pixels; of its bytes before it is scanned, so that a plan counts about right."""
    scanned = view.made("scan")
    pixels = {path: str(result.facts["pixels"]) for path, result in scanned.items() if not result.problem}
    return {path: pixels.get(path, file.digest or "") for path, file in view.inventory.files.items()}


def members(view: View) -> list[Member]:
    """Every usable image of every concept, concept by concept in the order of lora.yaml, each in order of path."""
    return view.derived("members", lambda view: [member for member in everyone(view) if member.concept])


def priors(view: View) -> list[Member]:
    """The usable regularization images of one's own, in order of path; they are of no concept."""
    return view.derived("priors", lambda view: [member for member in everyone(view) if not member.concept])


def everyone(view: View) -> list[Member]:
    """Members and priors."""
    return view.derived("everyone", _everyone)


def _everyone(view: View) -> list[Member]:
    new = [_member(view, member) for member in fresh(view)]
    known = view.inventory.settled
    if not known:
        return new
    order = {concept: place for place, concept in enumerate([*view.project.concepts, ""])}
    return sorted([*map(Member._make, known.members), *new], key=lambda member: (order[member.concept], member.path))


def _member(view: View, member: Fresh) -> Member:
    path = member.file.path
    scanned, prepared = view.made("scan").get(member.file.source), view.made("prepare").get(path)
    caption = view.made("caption").get(member.id)
    facts, mask = prepared.facts if prepared else {}, member.file.mask
    kept = prepared.outputs if prepared else {}
    return Member(
        member.id,
        member.concept,
        path,
        member.file.digest or "",
        scanned.facts["pixels"] if scanned else None,
        facts.get("pixels"),
        (facts["width"], facts["height"]) if facts else header_size(member.file.absolute),
        caption.facts["caption"] if caption and not caption.problem else None,
        member.twin,
        facts.get("mask"),
        facts.get("mask_flaw", ""),
        mask.relative_to(member.file.absolute.parent).as_posix() if mask else None,
        member.file.part,
        facts.get("moves", ""),
        (kept.get("picture", ""), kept.get("mask", "")),
        tuple(facts.get("done", ())),
    )


def captioned(view: View) -> dict[str, Mapping[str, Any]]:
    """Member id → its caption and what became of its tags, the facts of the caption stage."""
    return view.derived("captioned", _captioned)


def _captioned(view: View) -> dict[str, Mapping[str, Any]]:
    step, made = view.step("caption"), view.made("caption").items()
    return {**dict(step.taken.facts()), **{name: result.facts for name, result in made if not result.problem}}


def every_tag(view: View) -> set[str]:
    """Every tag of the dataset, as far as images were captioned: those that were pruned or dropped too."""
    return view.derived("tags of the dataset", _every_tag)


def _every_tag(view: View) -> set[str]:
    found: set[str] = set()
    for facts in captioned(view).values():
        found.update(facts["tags"], facts["dropped"], [tag for tag, _ in facts["pruned"]])
    return found


def clash(view: View) -> bool:
    """Whether an image that isn't settled may stand for one that is, or that for it: they must be judged together."""
    known, prepared = view.inventory.settled, view.made("prepare")
    if not known or not prepared:
        return False
    new = {result.facts["pixels"] for result in prepared.values() if not result.problem}
    return any(row[5] in new for row in known.members)


def clash_of_alike(view: View) -> bool:
    """The same of images that are alike, where these stand for one another; to be asked once there are tags."""
    return view.project.images.duplicates == "drop" and any(_near_settled(view, name) for name in view.project.concepts)


def _near_settled(view: View, concept: str) -> bool:
    """Whether a settled picture is like any other: the build that settled it compared it with none that is."""
    held = _settled(view, concept)
    new = {member.file.source for member in fresh(view) if member.concept == concept}
    found = likeness(view, held | {pixels for path, pixels in _scanned(view).items() if path in new}) if held else None
    return any(held & {kept, other} for kept, other, _ in found["near"]) if found else False


def finished(view: View) -> tuple[list[Member], set[str]]:
    """The images about which nothing is open, and the paths of those about which something is."""
    found = everyone(view)
    open_ones = {member.path for member in found if member.caption is None or member.pixels is None}
    open_ones |= {path for member in found if member.twin for path in (member.path, member.twin)}
    open_ones |= edited(view.site, view.inventory.edits, [(one.id, one.concept, one.path) for one in found])
    open_ones |= view.inventory.files.keys() - {member.path for member in found}
    open_ones |= {name for name, file in view.inventory.files.items() if file.sides}
    open_ones |= {member.path for member in found if member.part}
    return found, open_ones - view.inventory.refused.keys()


def _picture(file: ImageFile, result: Result | None) -> str:
    """What equal pictures share; a file that isn't prepared yet equals no other."""
    return str(result.facts["pixels"]) if result else file.path


def _claim(file: ImageFile) -> tuple[bool | str, ...]:
    """The least of equal pictures is used: one with words or a mask beside it, whatever the files are called."""
    beside = (file.text_digest, file.tags_digest, file.mask_digest)
    return (*(part for side in beside for part in (side is None, side or "")), file.path)
