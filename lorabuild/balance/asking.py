"""What the trigger algebra is asked about a project: settings, images, how often training sees each trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance import recipes
from lorabuild.balance.algebra import Asked, Shown, Source, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.schema.project import Project

LARGE = 1024  # pixels: resolution of the base models for which recipes are halved


def asked(
    project: Project,
    images: Iterable[Mapping[str, Any]],
    seen: Iterable[Mapping[str, Any]],
    absorbs: Mapping[str, tuple[str, ...]],
) -> Asked:
    """A project's triggers, concepts and images.

    Args:
        project: the settings.
        images: ``concept``, ``repeats``, ``tags`` and ``pruned`` (tag, trigger) of every image, and ``human`` where a
            person wrote its caption; it may have more words.
        seen: ``name``, ``per_epoch`` and ``total`` of every trigger, as the balance's table has them.
        absorbs: trigger → the patterns that it takes out of captions.
    """
    training = project.training
    looks = {row["name"]: (row["per_epoch"], row["total"]) for row in seen}
    return Asked(
        words=tuple(
            Word(name, trigger.kind, *looks.get(name, (0, 0)), absorbs[name])
            for name, trigger in project.triggers.items()
        ),
        concepts=tuple(
            Source(
                name,
                concept.triggers,
                concept.folder or "",
                concept.weight,
                concept.repeats,
                whole=concept.share == 1 and concept.rest_of is None,
            )
            for name, concept in project.concepts.items()
        ),
        images=[_shown(row) for row in images],
        optimizer=training.optimizer.type,
        recipe=project.budget.recipe,
        scale=recipes.factor(
            large=project.images.resolution >= LARGE,
            min_snr=bool(training.min_snr_gamma or training.soft_min_snr_gamma or training.noise.ip_gamma),
            retro=project.budget.retro,
        ),
        steps=project.budget.steps,
        epochs=project.budget.epochs,
    )


def _shown(row: Mapping[str, Any]) -> Shown:
    """An image. Of a generated caption that a person only edited it is known what was taken out."""
    by_hand = bool(row.get("human")) and not row["pruned"]
    return Shown(row["concept"], row["repeats"], row["tags"], row["pruned"], by_hand)
