"""Which images are held out of the training, to validate it on: by their content, so that no other one matters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lorabuild.core.counted import unit
from lorabuild.graph.members import members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View


def held_out(view: View) -> frozenset[str]:
    """Ids of the members that aren't trained on; none before they are prepared."""
    return view.derived("held out", _held_out)


def _held_out(view: View) -> frozenset[str]:
    wanted = view.project.training.validation
    if wanted is None or view.project.slider:
        return frozenset()
    used: dict[str, list[Member]] = {}
    for member in members(view):
        if not member.twin and member.pixels:
            used.setdefault(member.concept, []).append(member)
    return chosen({name: [(one.id, str(one.pixels)) for one in found] for name, found in used.items()}, wanted.share)


def chosen(concepts: Mapping[str, Sequence[tuple[str, str]]], share: float) -> frozenset[str]:
    """Ids of the images to hold out, from concept → (id, digest of its pixels).

    An image is held out where the number that its content gives is below ``share``; of a picture that two concepts
    show that is the same. Few images may have many low numbers: no more than their share is held out, the lowest first.
    One image of each concept stays, and where a concept can spare one, at least one is held out.
    """
    found: list[tuple[str, str]] = []
    for images in concepts.values():
        found += [image for image in sorted(images, key=_rank)[:-1] if _number(image[1]) < share]
    most = math.ceil(share * sum(map(len, concepts.values())))
    lowest = set(sorted({pixels for _, pixels in found}, key=_number)[:most])
    spare = sorted((image for images in concepts.values() if len(images) > 1 for image in images), key=_rank)
    return frozenset({name for name, pixels in found if pixels in lowest} or {name for name, _ in spare[:1]})


def _rank(image: tuple[str, str]) -> tuple[float, str, str]:
    """The lowest is held out first."""
    return _number(image[1]), image[1], image[0]


def _number(pixels: str) -> float:
    """Evenly spread in [0, 1)."""
    return unit("validation", pixels)
