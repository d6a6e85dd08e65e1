"""What the balance is asked: plain numbers and names, the same whatever the files are called and wherever they lie."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Some:
    """Images of a concept that are shown alike.

    Attributes:
        weight: how often, relative to the concept's other images, above 0.
        repeats: how often outright, at least 1; None leaves it to the weight.
        buckets: (width, height, number of training pictures) of every bucket, as ``buckets.tally`` gives them.
        further: how many of these pictures are images in a further resolution.
    """

    weight: float = 1.0
    repeats: int | None = None
    buckets: tuple[tuple[int, int, int], ...] = ()
    further: int = 0

    @property
    def pictures(self) -> int:
        """Number of training pictures: each image in each of its resolutions."""
        return sum(count for _, _, count in self.buckets)


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept folder as the balance sees it.

    Attributes:
        name: the concept's name.
        triggers: the triggers that it shows.
        buckets: (width, height, number of training pictures) of every bucket, as ``buckets.tally`` gives them.
        weight: its share of the budget relative to the other concepts, above 0.
        repeats: fixed repeats, at least 1; None leaves them to the budget.
        upscaled: how many of its images must be enlarged to fill their bucket.
        further: how many of the pictures in ``buckets`` are images in a further resolution.
        apart: images that are shown more or less often than the rest; they are in no other field but ``upscaled``.
    """

    name: str
    triggers: tuple[str, ...] = ()
    buckets: tuple[tuple[int, int, int], ...] = ()
    weight: float = 1.0
    repeats: int | None = None
    upscaled: int = 0
    further: int = 0
    apart: tuple[Some, ...] = ()

    @property
    def parts(self) -> tuple[Some, ...]:
        """All images, the plain ones first."""
        return Some(buckets=self.buckets, further=self.further), *self.apart

    @property
    def pictures(self) -> int:
        """Number of training pictures."""
        return sum(part.pictures for part in self.parts)

    @property
    def images(self) -> int:
        """Number of images."""
        return self.pictures - sum(part.further for part in self.parts)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that repeats, exposure and steps depend on.

    Attributes:
        concepts: the concepts, in the order in which a person wrote them.
        triggers: trigger → kind (``character``, ``outfit``, …).
        steps: image steps in all, training images only; None asks the recipe.
        epochs: number of epochs.
        recipe: ``auto``, ``adamw`` or ``prodigy``.
        optimizer: name of the optimizer; ``auto`` and the warning about exposure follow it.
        retro, min_snr, large: what lowers a recipe, see ``recipes``; ``large`` is a base model for 1024-pixel pictures.
        batch: images in a batch. accumulation: batches in an optimizer step.
        prior: (width, height) of the regularization images that are interleaved one to one; None without them.
        priors: (width, height, number of images) of every bucket that they have, where they have several.
    """

    concepts: tuple[Concept, ...]
    triggers: Mapping[str, str] = field(default_factory=dict)
    steps: int | None = None
    epochs: int = 8
    recipe: str = "auto"
    optimizer: str = "adamw"
    retro: bool = False
    min_snr: bool = False
    large: bool = False
    batch: int = 1
    accumulation: int = 1
    prior: tuple[int, int] | None = None
    priors: tuple[tuple[int, int, int], ...] = ()

    @property
    def pool(self) -> tuple[tuple[int, int, int], ...]:
        """(width, height, share) of every bucket of regularization images."""
        return self.priors or (((*self.prior, 1),) if self.prior else ())

    def as_dict(self) -> dict[str, Any]:
        """The request as JSON has it: dicts and lists."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "concepts": [_plain(concept) for concept in self.concepts],
            "triggers": dict(self.triggers),
            "prior": list(self.prior) if self.prior else None,
            "priors": [list(bucket) for bucket in self.priors],
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Request:
        """The inverse of ``as_dict``, also after a round trip through JSON."""
        concepts = tuple(_concept(concept) for concept in data["concepts"])
        prior = tuple(data["prior"]) if data.get("prior") else None
        priors = tuple((width, height, count) for width, height, count in data.get("priors", ()))
        read = {"concepts": concepts, "triggers": dict(data["triggers"]), "prior": prior, "priors": priors}
        return Request(**{**data, **read})


def _plain(concept: Concept) -> dict[str, Any]:
    """A concept as JSON has it; what came later is left out where it says nothing, so that keys stay."""
    later = {"further": concept.further, "apart": [_listed(asdict(part)) for part in concept.apart]}
    known = {name: value for name, value in _listed(asdict(concept)).items() if name not in later}
    return {**known, "triggers": list(concept.triggers), **{name: value for name, value in later.items() if value}}


def _listed(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "buckets": [list(bucket) for bucket in data["buckets"]]}


def _concept(data: Mapping[str, Any]) -> Concept:
    apart = tuple(Some(**{**part, "buckets": _buckets(part)}) for part in data.get("apart", ()))
    return Concept(**{**data, "triggers": tuple(data["triggers"]), "buckets": _buckets(data), "apart": apart})


def _buckets(data: Mapping[str, Any]) -> tuple[tuple[int, int, int], ...]:
    return tuple((width, height, count) for width, height, count in data["buckets"])
