"""How often an image is shown, and in which resolutions: by the levels of ``images:``, and by a list that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions.levels import matching

if TYPE_CHECKING:
    from collections.abc import Callable

    from lorabuild.graph.view import View
    from lorabuild.schema.image_steps import StepRules
    from lorabuild.schema.images import Images


class Shown(NamedTuple):
    """What is said of an image: ``repeats`` outright (0 leaves it out), else by its weight; its resolutions."""

    weight: float
    repeats: int | None
    resolutions: tuple[int, ...]


def shown(view: View) -> Callable[[str, str], Shown]:
    """A question for an image, by its concept and the path of its file."""
    return view.derived("shown", _shown)


def _shown(view: View) -> Callable[[str, str], Shown]:
    project, listed = view.project, view.inventory.sources.often
    plain = {name: Shown(1.0, None, _resolutions(_levels(view, name))) for name in ("", *project.concepts)}
    rules = [
        (matching(rule.match), rule)
        for rule in project.images.for_
        if (rule.weight, rule.repeats, rule.resolution, rule.more_resolutions) != (None, None, None, None)
    ]
    if not rules and not listed:
        return lambda concept, _: plain[concept]

    def answer(concept: str, path: str) -> Shown:
        own = [rule for hit, rule in rules if hit(path)]
        weight, repeats = listed.get(path, (None, None))
        for rule in own:
            if rule.weight or rule.repeats is not None:
                weight, repeats = rule.weight, rule.repeats
        return Shown(
            weight if weight and repeats is None else 1.0, repeats, _resolutions([*_levels(view, concept), *own])
        )

    return answer


def _levels(view: View, concept: str) -> list[Images | StepRules]:
    """The project and the concept."""
    own = view.project.concepts[concept].images if concept else None
    return [view.project.images, *([own] if own else [])]


def _resolutions(levels: list[Images | StepRules]) -> tuple[int, ...]:
    """The resolution first, then the others, each once."""
    (first,) = [level.resolution for level in levels if level.resolution is not None][-1:]
    (more,) = [level.more_resolutions for level in levels if level.more_resolutions is not None][-1:]
    return tuple(dict.fromkeys([first, *more]))
