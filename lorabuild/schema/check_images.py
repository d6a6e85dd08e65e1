"""What of ``images:`` does not go together: what is cached can't be different at every look; missing models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.image_steps import Steps
from lorabuild.schema.problems import Problem
from lorabuild.schema.suffixes import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.image_steps import StepRules
    from lorabuild.schema.images import Images
    from lorabuild.schema.loaded import Loaded

EACH_LOOK = {"color_augment": "other colours", "random_crop": "another crop"}
MODELS = ("erase", "restore", "upscale")


def images(loaded: Loaded) -> Iterator[Problem]:
    """Colours and crops that change with every look need pictures that aren't cached."""
    settings = loaded.project.images
    for word, what in EACH_LOOK.items():
        if getattr(settings, word) and settings.cache:
            said = f"{what} at every look can't come from a cache, which holds each picture once"
            next_step = (
                f"write `cache: false` under `images:` (each look then costs a pass of the VAE), or drop `{word}`"
            )
            yield Problem(loaded.where(f"images.{word}"), said, next_step)
    yield from _models(loaded)
    yield from _sizes(loaded)
    yield from _shared(loaded)
    yield from _often(loaded)


def levels(loaded: Loaded) -> Iterator[tuple[str, Images | StepRules]]:
    """Where steps stand, with them."""
    project = loaded.project
    yield "images", project.images
    yield from ((f"concepts.{name}.images", one.images) for name, one in project.concepts.items() if one.images)
    yield from ((f"images.for.{place}", one) for place, one in enumerate(project.images.for_))


def _models(loaded: Loaded) -> Iterator[Problem]:
    """Models that steps name must be there; a cut around a person needs one, or boxes beside the images."""
    settings = loaded.project.images
    named = [(f"{place}.{word}", getattr(level, word)) for place, level in levels(loaded) for word in MODELS]
    named += [("images.mask_model", settings.mask_model), ("images.detector", settings.detector)]
    for where, text in named:
        if text not in (None, "none", "fill") and not loaded.site.path(text).is_file():
            yield Problem(loaded.where(where), f"there is no file `{text}`", "give the path of the model's file")
        elif text == "fill" and not where.endswith("erase"):
            yield Problem(loaded.where(where), "`fill` is no model", "give the path of the model's file, or `none`")
    if (settings.masks == "model") != (settings.mask_model is not None):
        what = "`masks: model` and `mask_model` belong together, and one of them is missing"
        yield Problem(loaded.where("images.masks"), what, "write both under `images:`")
    asked = {cut for _, level in levels(loaded) for cut in level.crop or ()}
    if settings.detector and not asked & {*PERSON}:
        what = "`detector` is for cuts around a person, and none is asked for"
        yield Problem(loaded.where("images.detector"), what, f"write `crop: [whole, {PERSON[-1]}]`, or drop it")


def _sizes(loaded: Loaded) -> Iterator[Problem]:
    buckets = loaded.project.images.buckets
    if buckets.few and buckets.upscale == "never":
        what = "images that are never enlarged have sizes of their own, which are not few"
        yield Problem(loaded.where("images.buckets.few"), what, "drop `few`, or write `upscale: lanczos`")


def _shared(loaded: Loaded) -> Iterator[Problem]:
    """An image is prepared once: concepts over one folder can't have other steps for it, but other resolutions."""
    seen: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, concept in loaded.project.concepts.items():
        folder = str(loaded.site.path(concept.folder)) if concept.folder else name
        own = concept.images.model_dump(include=set(Steps.model_fields), exclude_none=True) if concept.images else {}
        other, steps = seen.setdefault(folder, (name, own))
        if steps != own:
            what = f"`{other}` and `{name}` share a folder: its images are prepared once, for both"
            hint = "write the same `images:` in both, or give one of them a folder of its own"
            yield Problem(loaded.where(f"concepts.{name}"), what, hint)


def _often(loaded: Loaded) -> Iterator[Problem]:
    """Repeats are said outright, or follow from a weight."""
    for number, rule in enumerate(loaded.project.images.for_):
        if rule.weight is not None and rule.repeats is not None:
            what = "`repeats` says outright how often these images are shown, so `weight` says nothing"
            yield Problem(loaded.where(f"images.for.{number}.weight"), what, "leave one of them out")
