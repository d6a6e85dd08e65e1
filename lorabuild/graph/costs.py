"""What settings cost, or don't do, that a person may not expect, for the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph import balancing
from lorabuild.graph.members import everyone, members
from lorabuild.graph.wording import most_forms, wording
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.view import View


ENCODED, TOKENIZED = 1_000, 100_000
"""So many texts more than captions take a minute or more on a CPU; an encoded one 0.2 (SD) to 0.6 MB of the disk."""


def costs(view: View) -> list[dict[str, str]]:
    """A warning each for pictures that aren't cached, captions of several forms, masks that nothing has, idle words."""
    return [*_uncached(view), *_forms(view), *_unmasked(view), *_idle(view)]


def _uncached(view: View) -> Iterator[dict[str, str]]:
    if view.project.images.cache or view.project.slider:
        return
    table = balancing.table(view)
    looks, images = (
        sum(row.per_epoch for row in table.concepts),
        sum(row.pictures or row.images for row in table.concepts),
    )
    drawn = 0 if view.project.regularization is None or not view.project.regularization.folder else looks
    passes = (looks + drawn) * table.steps.epochs
    text = f"training encodes {passes:,} times what a cache would encode once ({images:,} images)"
    text += "; keep the cache where nothing needs it off"
    yield {"code": "no-cache", "item": "images.cache", "text": text}


def _forms(view: View) -> Iterator[dict[str, str]]:
    """Forms of captions, where they are ``ENCODED`` or ``TOKENIZED`` texts more than the captions themselves.

    Before there are captions, every image counts as one that has all the forms that it may have.
    """
    found, encoded = everyone(view), view.project.training.train == "unet"
    known = {member.caption: member.concept for member in found if member.caption is not None}
    number = sum(len(wording(view, caption, concept).texts) for caption, concept in known.items())
    captions, number = (len(known), number) if known else (len(found), len(found) * most_forms(view))
    if number - captions >= (ENCODED if encoded else TOKENIZED):
        upto, made = "" if known else "up to ", "tokenized and encoded" if encoded else "tokenized"
        text = f"{captions:,} captions have {upto}{number:,} forms, and each is a text that is {made} once"
        text += "; fewer would do"
        yield {"code": "caption-forms", "item": "training.caption_variants", "text": text}


def _unmasked(view: View) -> Iterator[dict[str, str]]:
    wanted = view.project.images.masks
    known = [] if wanted == "none" or view.project.slider else [one for one in members(view) if one.pixels]
    if known and not any(one.mask for one in known):
        lack = "is transparent anywhere" if wanted == "alpha" else "has one, such as `name.mask.png` beside `name.png`"
        text = f"no image {lack}: all of every image is learned; add masks, or take the word away"
        yield {"code": "no-mask", "item": "images.masks", "text": text}


def _idle(view: View) -> Iterator[dict[str, str]]:
    family, second = view.project.base.family, view.project.training.text_encoder_2_lr
    if second is not None and FACTS[family].text_encoders < 2:
        text = f"{family} has one text encoder, whose rate is text_encoder_lr: text_encoder_2_lr does nothing; drop it"
        yield {"code": "idle-word", "item": "training.text_encoder_2_lr", "text": text}
