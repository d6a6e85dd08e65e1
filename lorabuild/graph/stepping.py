"""Which training pictures an image gives, and what is done to each: by the levels of steps and the files beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.captions.levels import matching
from lorabuild.core.files import read_if_there
from lorabuild.graph import sides
from lorabuild.graph.shown import shown
from lorabuild.graph.sizing import all_sizes
from lorabuild.schema.suffixes import PERSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lorabuild.graph.imagefile import ImageFile
    from lorabuild.graph.view import View
    from lorabuild.schema.image_steps import StepRules, Steps
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

WORDS = ("erase", "trim", "crop", "restore", "upscale", "pad")
MODELS = ("erase", "restore", "upscale")
FILL = 2  # raised where ``erase: fill`` gives other pixels
Asked = dict[str, Any]


def levels(project: Project) -> Iterator[Steps | StepRules]:
    """All that says something of steps."""
    yield project.images
    yield from (concept.images for concept in project.concepts.values() if concept.images)
    yield from project.images.for_


def besides(project: Project) -> tuple[str, ...]:
    """The files beside images that steps read."""
    cuts = {cut for level in levels(project) for cut in level.crop or ()}
    erased = any((level.erase or "none") != "none" for level in levels(project))
    return (*(["crop"] if cuts & {"boxes", *PERSON} else []), *(["erase"] if erased else []))


def model_files(site: Site) -> dict[str, Path]:
    """What lora.yaml calls a model of a step → where it lies."""
    named = {getattr(level, word) for level in levels(site.project) for word in MODELS}
    named |= {site.project.images.mask_model, site.project.images.detector}
    return {text: site.path(text) for text in sorted(named - {None, "none", "fill"})}


def pictures(view: View, file: ImageFile) -> list[ImageFile]:
    """What an image gives: itself, or its parts; each knows what is done to it. One that has no steps is as it was."""
    known: dict[str, list[ImageFile]] = view.derived("pictures", lambda _: {})
    if file.path not in known:
        known[file.path] = _pictures(view, file)
    return known[file.path]


def _pictures(view: View, file: ImageFile) -> list[ImageFile]:
    asked = view.derived("steps", _rules)(file.path)
    if not asked and view.project.images.mask_model is None:
        return [file]
    try:
        cuts = _cuts(asked.pop("crop", ()), file)
    except (ValueError, TypeError) as error:
        cuts = {"": ["broken", str(error)]}
    owners = view.derived("owners", _owners).get(file.path, [""])
    largest = max(side for owner in owners for side in shown(view)(owner, file.path).resolutions)
    parts = [replace(file, steps=_resolved(view, file, asked, cut, largest)) for cut in cuts.values()]
    if len(parts) == 1:
        return parts
    return [replace(one, path=f"{file.path} [{name}]", part=name) for one, name in zip(parts, cuts, strict=True)]


def _owners(view: View) -> dict[str, list[str]]:
    """Path of an image → its concepts."""
    found: dict[str, list[str]] = {}
    for concept, paths in view.inventory.members.items():
        for path in paths:
            found.setdefault(path, []).append(concept)
    return found


def _rules(view: View) -> Callable[[str], Asked]:
    """A question for a path: the steps that are not off."""
    project = view.project
    if all((getattr(level, name) or "none") == "none" for level in levels(project) for name in WORDS):
        return lambda _: {}
    owners = view.derived("owners", _owners)
    globs = [(matching(rule.match), rule) for rule in project.images.for_]
    whole = {name: getattr(project.images, name) for name in WORDS}

    def answer(path: str) -> Asked:
        concept = project.concepts.get(owners.get(path, [""])[0])
        above = [*([concept.images] if concept and concept.images else []), *(rule for hit, rule in globs if hit(path))]
        said = whole | {name: value for one in above for name in WORDS if (value := getattr(one, name)) is not None}
        return {name: value for name, value in said.items() if value and value != "none"}

    return answer


def _cuts(asked: tuple[str, ...], file: ImageFile) -> dict[str, list[Any] | None]:
    """Name of a part → what is cut out of the image for it; an image without boxes stays whole."""
    side = file.sides.get("crop")
    given, person = sides.boxes(read_if_there(side[0]) or b"[]") if side else ([], None)
    found: dict[str, list[Any] | None] = {}
    for cut in asked or ("whole",):
        if cut == "boxes" and given:
            found |= {f"box {number}": ["box", *box] for number, box in enumerate(given, 1)}
        elif cut in PERSON:
            found[cut] = ["person", cut, person]
        elif ":" in cut:
            found[cut] = ["shape", *map(int, cut.split(":"))]
        else:
            found["whole"] = None
    return found


def _resolved(view: View, file: ImageFile, asked: Asked, cut: list[Any] | None, resolution: int) -> tuple[Asked, Asked]:
    """What a picture's key says of its steps, and what the stage reads for them; it is trained up to a resolution."""
    images, models, root = view.project.images, view.inventory.step_models, view.site
    parts = {f"images.{word}": models.get(value, value) if word in MODELS else value for word, value in asked.items()}
    reads = {word: str(root.path(value)) if value in models else value for word, value in asked.items()}
    mark = file.sides.get("erase")
    if "erase" in asked and mark is None:
        del parts["images.erase"], reads["erase"]
    elif mark and "erase" in asked:
        parts["images.erase.png"], reads["mark"] = mark[1], [str(mark[0]), mark[1]]
        parts |= {"fill": FILL} if asked["erase"] == "fill" else {}
    if cut:
        parts["images.crop"], reads["cut"] = cut, cut
    if cut and cut[0] == "person" and cut[2] is None and images.detector:
        parts["images.detector"], reads["detector"] = models[images.detector], str(root.path(images.detector))
    if "upscale" in asked or asked.get("pad") == "bucket":
        parts["images.buckets"] = reads["sizes"] = [list(size) for size in all_sizes(view, resolution)]
    if images.mask_model:
        parts["images.mask_model"], reads["mask_model"] = models[images.mask_model], str(root.path(images.mask_model))
    return parts, reads
