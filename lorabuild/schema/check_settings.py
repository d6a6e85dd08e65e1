"""Settings that do not go together: sizes, regularization with nothing to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.check_images import levels
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded


def settings(loaded: Loaded) -> Iterator[Problem]:
    """Every pair of settings that can't both be meant."""
    yield from _sizes(loaded)
    yield from _regularization(loaded)


def _sizes(loaded: Loaded) -> Iterator[Problem]:
    buckets, asked = loaded.project.images.buckets, [*_resolutions(loaded)]
    yield from [problem for one in asked for problem in _limits(loaded, *one)][:1]
    if step := buckets.step:
        for dotted, side in (*asked, ("images.buckets.min", buckets.min), ("images.buckets.max", buckets.max)):
            if side and side % step:
                word, fitting = dotted.rpartition(".")[2], max(step, round(side / step) * step)
                what = f"{side} is no multiple of images.buckets.step, {step}"
                hint = f"write `{word}: {fitting}`" if word != "more_resolutions" else f"write {fitting} there"
                yield Problem(loaded.where(dotted), what, hint)


def _resolutions(loaded: Loaded) -> Iterator[tuple[str, int]]:
    """Every resolution, of all levels, with its place."""
    for place, level in levels(loaded):
        if level.resolution is not None:
            yield f"{place}.resolution", level.resolution
        yield from ((f"{place}.more_resolutions", resolution) for resolution in level.more_resolutions or ())


def _limits(loaded: Loaded, dotted: str, resolution: int) -> Iterator[Problem]:
    buckets = loaded.project.images.buckets
    least, most = buckets.min or resolution // 2, buckets.max or resolution * 2
    where = loaded.where("images.buckets." + ("min" if buckets.min else "max"))
    if least > most:
        yield Problem(
            where, f"the shortest side, {least}, is longer than the longest, {most}", "write a `min` below `max`"
        )
    elif not least <= resolution <= most:
        what = f"no square bucket is left: {resolution} ({dotted}) is not between {least} and {most}"
        yield Problem(where, what, f"write `min: {resolution // 2}` and `max: {resolution * 2}`, or leave both out")


def _regularization(loaded: Loaded) -> Iterator[Problem]:
    regularization = loaded.project.regularization
    if regularization is None or regularization.folder or regularization.generate.per_image:
        return
    if regularization.generate.prompts:
        return
    if not any(trigger.class_ for trigger in loaded.project.triggers.values()):
        what = "nothing says what the base model should draw: there are no prompts, and no trigger has a `class`"
        next_step = "write `generate: {prompts: [...]}`, or `class: creature` in a trigger"
        yield Problem(loaded.where("regularization"), what, next_step)
