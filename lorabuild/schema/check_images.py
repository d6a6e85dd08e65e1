"""What of ``images:`` does not go together: what is cached can't be different at every look; missing models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem
from lorabuild.schema.suffixes import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.image_steps import StepRules, Steps
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


def _levels(loaded: Loaded) -> Iterator[tuple[str, Steps | StepRules]]:
    """Where steps stand, with them."""
    project = loaded.project
    yield "images", project.images
    yield from ((f"concepts.{name}.images", one.images) for name, one in project.concepts.items() if one.images)
    yield from ((f"images.for.{place}", one) for place, one in enumerate(project.images.for_))


def _models(loaded: Loaded) -> Iterator[Problem]:
    """Models that steps name must be there; a cut around a person needs one, or boxes beside the images."""
    settings = loaded.project.images
    named = [(f"{place}.{word}", getattr(level, word)) for place, level in _levels(loaded) for word in MODELS]
    named += [("images.mask_model", settings.mask_model), ("images.detector", settings.detector)]
    for where, text in named:
        if text not in (None, "none", "fill") and not loaded.site.path(text).is_file():
            yield Problem(loaded.where(where), f"there is no file `{text}`", "give the path of the model's file")
        elif text == "fill" and not where.endswith("erase"):
            yield Problem(loaded.where(where), "`fill` is no model", "give the path of the model's file, or `none`")
    if (settings.masks == "model") != (settings.mask_model is not None):
        what = "`masks: model` and `mask_model` belong together, and one of them is missing"
        yield Problem(loaded.where("images.masks"), what, "write both under `images:`")
    asked = {cut for _, level in _levels(loaded) for cut in level.crop or ()}
    if settings.detector and not asked & {*PERSON}:
        what = "`detector` is for cuts around a person, and none is asked for"
        yield Problem(loaded.where("images.detector"), what, f"write `crop: [whole, {PERSON[-1]}]`, or drop it")


def _sizes(loaded: Loaded) -> Iterator[Problem]:
    buckets = loaded.project.images.buckets
    if buckets.few and buckets.upscale == "never":
        what = "images that are never enlarged have sizes of their own, which are not few"
        yield Problem(loaded.where("images.buckets.few"), what, "drop `few`, or write `upscale: lanczos`")


def _shared(loaded: Loaded) -> Iterator[Problem]:
    """An image is prepared once: concepts over one folder can't have other steps for it."""
    seen: dict[str, tuple[str, StepRules | None]] = {}
    for name, concept in loaded.project.concepts.items():
        folder = str(loaded.site.path(concept.folder)) if concept.folder else name
        other, steps = seen.setdefault(folder, (name, concept.images))
        if steps != concept.images:
            what = f"`{other}` and `{name}` share a folder: its images are prepared once, for both"
            hint = "write the same `images:` in both, or give one of them a folder of its own"
            yield Problem(loaded.where(f"concepts.{name}"), what, hint)
