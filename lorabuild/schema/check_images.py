"""What of ``images:`` does not go together: what is cached can't be different at every look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

EACH_LOOK = {"color_augment": "other colours", "random_crop": "another crop"}


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
