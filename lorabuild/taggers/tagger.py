"""The protocol of taggers: a tagger is a module named by its word in lora.yaml.

It has these names:

* ``READS``: ``"pixels"`` (it looks at the prepared picture) or ``"side"`` (it reads a text file beside the picture);
* ``digests(settings, site) -> dict[str, Path]``: its model files, whose digests go into keys. Imports nothing heavy;
* ``fetch(settings, site)``: downloads what a hub id names and isn't here yet; called when a build begins;
* ``costs(settings, site) -> list[(name, bytes, here)]``: what ``fetch`` would download, for taggers with a ``model``;
* ``key_settings(settings) -> dict``: settings that change scores. Thresholds don't: scores are kept below them;
* ``load(settings, site, threads) -> Tagger``.

``merged`` is made of others and has all of these but ``READS`` and ``load``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLOOR = 0.05
"""Scores below this are not kept: no sensible threshold is lower."""

Category = Literal["general", "character", "rating", "other", "prose"]
"""``prose``: the tag is a whole sentence, its score 1."""


class Score(NamedTuple):
    """What a tagger thinks of one tag; ``score`` is 0 to 1, rounded to 6 decimals. ``stored`` is its form in JSON."""

    tag: str
    score: float
    category: Category
    place: int = 0

    @property
    def stored(self) -> tuple[Any, ...]:
        """Three items; a fourth says which of several taggers saw it, where it isn't the first."""
        return tuple(self) if self.place else tuple(self)[:3]


@dataclass(frozen=True, slots=True)
class Untagged:
    """An image that could not be tagged, and why, in a person's words."""

    why: str


class Tagger(Protocol):
    """A loaded tagger."""

    @property
    def record(self) -> Mapping[str, Any]:
        """On what the scores are made; their bytes are promised only between equal records."""
        ...

    @property
    def batch(self) -> int:
        """How many images go through at once; ``tag`` takes any number."""
        ...

    def tag(self, images: Sequence[Any]) -> list[list[Score] | Untagged]:
        """Scores of each image, best first; an image's scores don't depend on its neighbours.

        Args:
            images: RGB pictures (Pillow) for ``READS = "pixels"``, texts for ``READS = "side"``.
        """
        ...
