"""The loss on images that aren't trained: fixed noise, fixed timesteps, no chance, the weights that would be saved."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import torch

from lorabuild.training.batches import Look
from lorabuild.training.feed import Feed
from lorabuild.training.objective import Denoising
from lorabuild.training.timesteps import bounds, place
from lorabuild.training.together import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from lorabuild.networks.adapter import Adapter
    from lorabuild.training.batches import Batch, Record, Size, Text
    from lorabuild.training.moving import Moving
    from lorabuild.training.objective import Objective
    from lorabuild.training.together import Team


@dataclass(frozen=True, slots=True)
class Validation:
    """What a training is measured with.

    Attributes:
        records: the images that are held out.
        looks: how often each is looked at, at as many timesteps.
        batch: images at once.
        objective: the loss, over a ``Fixed`` feed and a ``Calm`` adapter.
        team: who shares the work.
    """

    records: Sequence[Record]
    looks: int
    batch: int
    objective: Objective
    team: Team = ALONE

    def loss(self, moving: Moving, step: int) -> float:
        """The mean over all looks, after so many optimizer steps."""
        with moving.resting():
            return self.mean(step, moving.parameters[0].new_zeros(0))

    def mean(self, step: int, nothing: Tensor) -> float:
        """The same of an adapter as it is; ``nothing`` stands for the losses of who has no share, where those lie."""
        with torch.no_grad():
            parted = [self.team.gather(self._losses(looks, step, nothing)) for looks in self.batches()]
        values = torch.cat(parted).tolist()
        return math.fsum(values) / len(values)

    def batches(self) -> Iterator[Batch]:
        """The same every time: sorted by size, then by what the images are."""
        sizes: dict[Size, list[Look]] = defaultdict(list)
        for record in sorted(self.records, key=lambda record: (record.concept, record.pixels)):
            sizes[record.size] += [Look(record, visit) for visit in range(self.looks)]
        for _, looks in sorted(sizes.items()):
            yield from (tuple(looks[start : start + self.batch]) for start in range(0, len(looks), self.batch))

    def _losses(self, looks: Batch, step: int, nothing: Tensor) -> Tensor:
        share = self.team.share(looks)
        return self.objective(share, step).detach() if share else nothing


def validation(records: Sequence[Record], objective: Denoising, team: Team = ALONE) -> Validation | None:
    """The validation that the settings of a training's objective ask for."""
    feed, settings = objective.feed, objective.feed.training
    if settings.validation is None:
        return None
    looks = settings.validation.timesteps
    calm: Any = Calm(objective.adapter)
    fixed = Denoising(objective.model, Fixed.of(feed, looks), objective.device, calm)
    return Validation(records, looks, settings.batch, fixed, team)


@dataclass(frozen=True, slots=True)
class Fixed(Feed):
    """A feed without chance in timesteps and captions; the noise is counted from image and look, as always.

    ``looks``: how many timesteps each image is looked at, spread over those that are trained.
    """

    looks: int = 1

    @classmethod
    def of(cls, feed: Feed, looks: int) -> Self:
        """The same tensors."""
        told = {field.name: getattr(feed, field.name) for field in fields(feed)}
        return cls(**{**told, "warmup": 0}, looks=looks)

    def timesteps(self, looks: Sequence[Look], number: int) -> Tensor:
        """``[B]`` int64: the middles of as many equal spans as there are looks."""
        settings = self.training.timesteps
        least, past = bounds(settings, number)
        spans = ((2 * (look.visit % self.looks) + 1) / (2 * self.looks) for look in looks)
        return torch.tensor([min(least + int(place(settings, span) * (past - least)), past - 1) for span in spans])

    def text(self, look: Look, _step: int = 0) -> Text:
        """The first of its whole captions."""
        return look.record.texts[look.record.early]


@dataclass(frozen=True, slots=True)
class Mirrored(Fixed):
    """The same of mirrored latents: pictures that are like those that are trained, and that nothing was trained on."""

    def pictures(self, looks: Sequence[Look]) -> list[Mapping[str, Tensor]]:
        """Mirrored; a mask goes with its picture."""
        found = Feed.pictures(self, looks)
        return [{name: one if name == "sizes" else one.flip(-1) for name, one in told.items()} for told in found]


@dataclass(frozen=True, slots=True)
class Calm:
    """An adapter for which every batch begins without chance."""

    adapter: Adapter

    def begin(self, _seeds: Iterable[int]) -> None:
        """No dropout, and the whole of its rank."""
        self.adapter.rest()
