"""Settings that do not go together: sizes, regularization with nothing to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded


def settings(loaded: Loaded) -> Iterator[Problem]:
    """Every pair of settings that can't both be meant."""
    yield from _sizes(loaded)
    yield from _regularization(loaded)


def _sizes(loaded: Loaded) -> Iterator[Problem]:
    images = loaded.project.images
    buckets, resolution = images.buckets, images.resolution
    least, most = buckets.min or resolution // 2, buckets.max or resolution * 2
    where = loaded.where("images.buckets." + ("min" if buckets.min else "max"))
    if least > most:
        yield Problem(
            where, f"the shortest side, {least}, is longer than the longest, {most}", "write a `min` below `max`"
        )
    elif not least <= resolution <= most:
        what = f"no square bucket is left: {resolution} (images.resolution) is not between {least} and {most}"
        yield Problem(where, what, f"write `min: {resolution // 2}` and `max: {resolution * 2}`, or leave both out")
    if step := buckets.step:
        sides = {"images.resolution": resolution, "images.buckets.min": buckets.min, "images.buckets.max": buckets.max}
        for dotted, side in sides.items():
            if side and side % step:
                fitting = max(step, round(side / step) * step)
                what = f"{side} is no multiple of images.buckets.step, {step}"
                yield Problem(loaded.where(dotted), what, f"write `{dotted.rpartition('.')[2]}: {fitting}`")


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
