"""What a slider has no use for, and what it can't do without: nobody should believe that a word had a part in it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lorabuild.schema.caption_forms import CaptionForms
from lorabuild.schema.problems import Problem
from lorabuild.schema.project import Project
from lorabuild.schema.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.slider import Slider

OF_IMAGES = ("triggers", "concepts", "captions", "budget", "regularization")
NOT_READ = (
    *("noise", "timesteps", "mask_floor", "mask_normalize", "caption_dropout", "caption_dropout_every"),
    *("text_encoder_lr", "text_encoder_2_lr", "text_encoder_end", *CaptionForms.model_fields),
    *("validation", "on_change", "rehearsal"),
)
"""Words of ``training:`` that speak of pictures, of their captions, or of text encoders that learn."""


def slider(loaded: Loaded) -> Iterator[Problem]:
    """Everything that can't be meant in a project of this kind."""
    settings = loaded.project.slider
    if loaded.project.kind != "slider":
        if settings is not None:
            what = "only a slider has targets, and this project is a LoRA that learns from images"
            yield Problem(loaded.where("slider"), what, "write `kind: slider` at the top level, or leave `slider` out")
        return
    yield from _unused(loaded)
    yield from _training(loaded)
    if settings is not None:
        yield from _course(loaded, settings)
        yield from _targets(loaded, settings)


def _unused(loaded: Loaded) -> Iterator[Problem]:
    """Sections and words that only mean something where there are images."""
    project = loaded.project
    for section in OF_IMAGES:
        if getattr(project, section) != _usual(Project, section):
            yield Problem(loaded.where(section), f"a slider has no images, so `{section}` says nothing", "leave it out")
    images = project.images
    for word in type(images).model_fields:
        if word != "resolution" and getattr(images, word) != _usual(type(images), word):
            what = f"a slider has no images, so `images.{word}` says nothing"
            yield Problem(loaded.where(f"images.{word}"), what, "leave it out")


def _training(loaded: Loaded) -> Iterator[Problem]:
    training = loaded.project.training
    for word in NOT_READ:
        if word in Training.model_fields and getattr(training, word) != _usual(Training, word):
            what = f"a slider has no images and trains no text encoder, so `{word}` says nothing"
            yield Problem(loaded.where(f"training.{word}"), what, "leave it out")
    if training.train != "unet":
        what = "a slider moves the U-Net between prompts, and its text encoder must read these as the base does"
        yield Problem(loaded.where("training.train"), what, "write `training: {train: unet}`")
    if str(training.precision) == "fp16":
        what = "fp16 has no room for the small differences that a slider learns from: it ends in NaN"
        next_step = "write `precision: bf16`, or `fp32`; the file is saved as fp16 all the same"
        yield Problem(loaded.where("training.precision"), what, next_step)


def _course(loaded: Loaded, settings: Slider) -> Iterator[Problem]:
    steps, every = settings.steps, settings.every
    if steps % every:
        fitting = max(every, round(steps / every) * every)
        what = f"{steps} steps are no multiple of {every} (slider.every), and every checkpoint has as many"
        yield Problem(loaded.where("slider.steps"), what, f"write `steps: {fitting}`, or another `every`")
    fewest = -(-len(settings.targets) // loaded.project.training.accumulation)
    if every < fewest:
        what = f"{len(settings.targets)} targets don't fit between two checkpoints of {every} steps"
        yield Problem(loaded.where("slider.every"), what, f"write `every: {fewest}`, or more")
    if not any(settings.strengths):
        yield Problem(
            loaded.where("slider.strengths"), "at strength 0 no slider is seen", "write `strengths: [-1, 0, 1]`"
        )
    if any(second <= first for first, second in pairwise(settings.strengths)):
        ordered = ", ".join(f"{strength:g}" for strength in sorted(set(settings.strengths)))
        yield Problem(
            loaded.where("slider.strengths"), "strengths ascend, each once", f"write `strengths: [{ordered}]`"
        )


def _targets(loaded: Loaded, settings: Slider) -> Iterator[Problem]:
    for index, target in enumerate(settings.targets):
        where = loaded.place("slider", "targets", str(index))
        if target.positive == target.negative:
            what = f"from `{target.negative}` to `{target.positive}` there is no way to go: they are one prompt"
            yield Problem(where, what, "write what is different, `positive: 1girl, smile`")
        if target in settings.targets[:index]:
            yield Problem(where, "this target stands here twice", "keep one of them; `weight: 2` makes it count double")


def _usual(section: type[Any], word: str) -> Any:
    return section.model_fields[word].default
