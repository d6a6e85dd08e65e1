"""What settings cost, or don't do, that a person may not expect, for the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph import balancing
from lorabuild.graph.members import everyone, members
from lorabuild.graph.wording import most_forms, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.view import View


def costs(view: View) -> list[dict[str, str]]:
    """A warning each for pictures that aren't cached, for captions of several forms, and for masks that nothing has."""
    return [*_uncached(view), *_forms(view), *_unmasked(view)]


def _uncached(view: View) -> Iterator[dict[str, str]]:
    if view.project.images.cache or view.project.slider:
        return
    table = balancing.table(view)
    looks, images = sum(row.per_epoch for row in table.concepts), sum(row.images for row in table.concepts)
    drawn = 0 if view.project.regularization is None or not view.project.regularization.folder else looks
    passes = (looks + drawn) * table.steps.epochs
    text = f"training encodes {passes:,} times what a cache would encode once ({images:,} images)"
    yield {"code": "no-cache", "item": "images.cache", "text": text}


def _forms(view: View) -> Iterator[dict[str, str]]:
    known = {member.caption: member.concept for member in everyone(view) if member.caption is not None}
    number = sum(len(wording(view, caption, concept).texts) for caption, concept in known.items())
    if number > len(known) or (not known and most_forms(view) > 1):
        what = f"{len(known):,} captions have {number:,} forms" if known else f"captions have {most_forms(view)} forms"
        made = "tokenized and encoded" if view.project.training.train == "unet" else "tokenized"
        yield {"code": "caption-forms", "item": "training", "text": f"{what}, and each is a text that is {made} once"}


def _unmasked(view: View) -> Iterator[dict[str, str]]:
    wanted = view.project.images.masks
    known = [] if wanted == "none" or view.project.slider else [one for one in members(view) if one.pixels]
    if known and not any(one.mask for one in known):
        lack = "is transparent anywhere" if wanted == "alpha" else "has one, such as `name.mask.png` beside `name.png`"
        yield {"code": "no-mask", "item": "images.masks", "text": f"no image {lack}: all of every image is learned"}
