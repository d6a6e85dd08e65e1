"""Several taggers together: what each of them needs; the tag stage asks one after another and joins their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.words import hand
from lorabuild.schema.parts import parts, prefix
from lorabuild.taggers.tagger import Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Merged


def digests(settings: Merged, site: Site) -> dict[str, Path]:
    """The files of every part: ``of.0.model.onnx``, …; all on this machine."""
    return {
        f"{prefix(settings, place)}{file}": path
        for place, (part, module) in enumerate(_modules(settings))
        for file, path in module.digests(part, site).items()
    }


def fetch(settings: Merged, site: Site) -> None:
    """Download what isn't here yet of any part. Raises ProjectError when that fails."""
    for part, module in _modules(settings):
        module.fetch(part, site)


def costs(settings: Merged, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each file on the hub. Goes online; raises ProjectError."""
    return [
        file for part, module in _modules(settings) if hasattr(module, "costs") for file in module.costs(part, site)
    ]


def key_settings(settings: Merged) -> dict[str, Any]:
    """The kind of every part, and what changes its scores."""
    found: dict[str, Any] = {}
    for place, (part, module) in enumerate(_modules(settings)):
        own = {"captions.tagger.type": part.type, **module.key_settings(part)}
        within = f"tagger.{prefix(settings, place)}"
        found |= {word.replace("tagger.", within, 1): value for word, value in own.items()}
    return found


def joined(scores: Iterable[Iterable[Any]]) -> list[Score]:
    """The stored scores of every part, best first, each with the place of the part that saw it."""
    placed = (Score(row[0], row[1], row[2], place) for place, rows in enumerate(scores) for row in rows)
    return sorted(placed, key=lambda score: -score.score)


def _modules(settings: Merged) -> Iterator[tuple[Any, Any]]:
    """Every part with its module."""
    return ((part, hand("taggers", part.type)) for part in parts(settings))
