"""What can't be meant among the pictures to draw: sizes, empty prompts, a file that isn't there, steps nobody keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.schema import prompt_lines
from lorabuild.schema.problems import Problem
from lorabuild.schema.prompt_lines import SIDE_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.samples import Prompt


def samples(loaded: Loaded) -> Iterator[Problem]:
    """Everything in ``samples:`` that can't be meant."""
    found = loaded.project.samples
    yield from _sides(loaded, found.width, found.height)
    for place, prompt in enumerate(found.prompts):
        yield from _prompt(loaded, prompt, str(place))
    yield from _file(loaded)
    yield from _steps(loaded)
    if loaded.project.slider and found.weights:
        what = "a slider is drawn at the strengths of `slider.strengths`, so `weights` says nothing"
        yield Problem(loaded.where("samples.weights"), what, "leave it out")


def _sides(loaded: Loaded, width: int | None, height: int | None, *trail: str) -> Iterator[Problem]:
    for word, side in (("width", width), ("height", height)):
        if side and side % SIDE_STEP:
            fitting = max(SIDE_STEP, round(side / SIDE_STEP) * SIDE_STEP)
            what = f"no picture is {side} pixels: sides are multiples of {SIDE_STEP}"
            yield Problem(loaded.place("samples", *trail, word), what, f"write `{word}: {fitting}`")


def _prompt(loaded: Loaded, prompt: Prompt, place: str) -> Iterator[Problem]:
    where = loaded.place("samples", "prompts", place)
    yield from _sides(loaded, prompt.width, prompt.height, "prompts", place)
    if not prompt.prompt.strip():
        yield Problem(where, "this prompt is empty", "write one, or delete it")
    if "{trigger" in prompt.prompt and not loaded.project.triggers:
        yield Problem(where, "there is no trigger to put into this prompt", "write the word itself, or `triggers:`")


def _file(loaded: Loaded) -> Iterator[Problem]:
    named = loaded.project.samples.file
    if named is None:
        return
    path = loaded.site.path(named)
    if not path.is_file():
        yield Problem(loaded.where("samples.file"), f"there is no file `{named}`", f"looked at {path}")
        return
    try:
        for said in prompt_lines.read(path, named):
            for problem in _sides(loaded, said.get("width"), said.get("height")):
                yield replace(problem, where=f"{named}: {said['prompt']}")
    except ProjectError as error:
        yield Problem(error.where, error.what, error.next_step)


def _steps(loaded: Loaded) -> Iterator[Problem]:
    """Pictures of a step need its checkpoint, and which ones are kept is part of the training."""
    every, kept = loaded.project.samples.every, loaded.project.training.save_every
    if every.isdigit() and (kept is None or int(every) % kept):
        what = f"pictures of every {every} steps need the checkpoints of these steps, and the training keeps "
        what += f"those of every {kept}" if kept else "only those of epochs"
        next_step = f"write `training: {{save_every: {every}}}`: it is trained anew, once"
        yield Problem(loaded.where("samples.every"), what, next_step)
