"""The taggers that a project asks: the one of ``captions.tagger``, or those that a merged one is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.taggers import Tagger

T = TypeVar("T")


def parts(tagger: Tagger) -> tuple[Any, ...]:
    """The settings of every tagger, in the order of lora.yaml. Their place in it is that of their scores."""
    return tuple(getattr(tagger, "of", None) or (tagger,))


def prefix(tagger: Tagger, place: int) -> str:
    """What is said of one of them stands under this name: nothing for one alone, ``of.0.`` for one of several."""
    return f"of.{place}." if hasattr(tagger, "of") else ""


def by_name(tagger: Tagger) -> dict[str, Any]:
    """``tagger`` → the settings of one alone; ``tagger.0``, ``tagger.1``, … → those of several."""
    several = hasattr(tagger, "of")
    return {f"tagger.{place}" if several else "tagger": part for place, part in enumerate(parts(tagger))}


def files_of(tagger: Tagger, held: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """The same names → what is held of the files of each, by the name that a file has alone."""
    found = {}
    for place, what in enumerate(by_name(tagger)):
        before = prefix(tagger, place)
        found[what] = {file.removeprefix(before): one for file, one in held.items() if file.startswith(before)}
    return found
