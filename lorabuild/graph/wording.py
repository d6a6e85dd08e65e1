"""The texts that a caption is trained as: one, or several counted forms where ``training:`` shuffles or thins them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.captions.forms import Forms, Options, forms, most, options_of

if TYPE_CHECKING:
    from lorabuild.graph.view import View


def wording(view: View, caption: str, concept: str = "") -> Forms:
    """The forms of a caption of this concept; of a prior picture's without one."""
    return forms(caption, _options(view, concept), view.project.training.seed)


def most_forms(view: View) -> int:
    """How many forms a caption has that isn't known yet."""
    return most(_options(view, ""))


def _options(view: View, concept: str) -> Options:
    known = view.derived("caption options", _by_concept)
    return known[concept]


def _by_concept(view: View) -> dict[str, Options]:
    """Concept → what is done to its captions; prior pictures have no triggers to keep, and nothing around them."""
    training, concepts = view.project.training, view.project.concepts
    named = {name: options_of(training, len(concept.triggers)) for name, concept in concepts.items()}
    return {"": options_of(training, 0, dressed=False), **named}
