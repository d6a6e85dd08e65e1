"""What a balance should make a person look twice at. Every bound is a rule of thumb: a warning, never a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorabuild.balance import recipes
from lorabuild.balance.table import ConceptRow, Finding, TriggerRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lorabuild.balance.request import Request

LEAST_IMAGES = {"outfit": 8}  # of a trigger, by kind
LEAST_OF_A_SUBJECT = 10


@dataclass(frozen=True, slots=True)
class Balanced:
    """A balance before it is judged; ``looks`` are the image steps of an epoch in each bucket."""

    request: Request
    concepts: tuple[ConceptRow, ...]
    triggers: tuple[TriggerRow, ...]
    looks: Mapping[tuple[int, int], int]


def findings(balanced: Balanced) -> tuple[Finding, ...]:
    """Every warning, in the order concept, trigger, bucket."""
    return (*_of_concepts(balanced), *_of_triggers(balanced), *_of_buckets(balanced))


def _of_concepts(balanced: Balanced) -> Iterator[Finding]:
    for concept, row in zip(balanced.request.concepts, balanced.concepts, strict=True):
        if not row.images:
            yield Finding("empty-concept", row.name, "has no usable image and trains nothing; add images or remove it")
        elif concept.repeats is None and row.per_epoch > row.share:
            images = f"{row.images} images" + (f" in {row.pictures} sizes" if row.pictures else "")
            yield Finding(
                "over-share",
                row.name,
                f"{images} are more than its share of {row.share:.1f} image steps an epoch; "
                "raise budget.steps, lower budget.epochs, or use fewer images"
                if concept.pictures > row.share
                else f"the repeats that its images have of their own are more than its share of {row.share:.1f} image "
                "steps an epoch; lower them, or raise budget.steps",
            )
        if concept.upscaled:
            yield Finding(
                "upscaled",
                row.name,
                f"{concept.upscaled} of {row.images} images are smaller than their training size and are enlarged; "
                "larger originals train sharper",
            )


def _of_triggers(balanced: Balanced) -> Iterator[Finding]:
    most = recipes.most(balanced.request.optimizer)
    for row in balanced.triggers:
        if row.total > most:
            text = f"is seen {row.total} times in all; more than {most} tends to over-bake it, so lower budget.steps"
            yield Finding("over-exposed", row.name, text)
        least = LEAST_IMAGES.get(balanced.request.triggers[row.name], LEAST_OF_A_SUBJECT)
        images = sum(c.images for c in balanced.request.concepts if row.name in c.triggers)
        if 0 < images < least:
            text = f"is shown by {images} images; fewer than {least} rarely teach it well, so add some"
            yield Finding("few-images", row.name, text)


def _of_buckets(balanced: Balanced) -> Iterator[Finding]:
    batch = balanced.request.batch
    for (width, height), looks in sorted(balanced.looks.items()):
        if looks < batch:
            text = f"fills only {looks} of a batch of {batch} in an epoch; fewer, fuller buckets train better"
            yield Finding("small-bucket", f"{width}x{height}", text)
