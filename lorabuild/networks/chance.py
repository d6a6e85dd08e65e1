"""What rests for one image: counted dropout. A row's mask follows from its own seed and the layer's name alone.

Masks are drawn anew wherever they are asked for, so gradient checkpointing sees the same ones again, and a row's
neighbours in the batch change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from lorabuild.core.counted import count, unit

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True)
class Seeds:
    """The seeds of the rows that a model sees now; None while nothing is left to chance."""

    rows: tuple[int, ...] | None = None


@dataclass(slots=True)
class Chance:
    """Dropout of one layer: ``dropout`` of single values, ``ranks`` of whole channels, ``module`` of all of it.

    Values and ranks that stay are scaled by 1 / (1 - p), the module is not: the standard trainer's mathematics.
    """

    dropout: float = 0.0
    ranks: float = 0.0
    module: float = 0.0
    name: str = ""
    seeds: Seeds = field(default_factory=Seeds)

    def bind(self, name: str, seeds: Seeds) -> None:
        """Belong to this layer of an adapter."""
        self.name, self.seeds = name, seeds

    @property
    def active(self) -> bool:
        """Whether anything may rest now."""
        return bool(self.dropout or self.ranks or self.module) and self.seeds.rows is not None

    def thin(self, values: Tensor, axis: int) -> Tensor:
        """Values [rows, …] with some of them at 0; ``axis`` is the one of the ranks. Unchanged while all is at rest."""
        if not self.active:
            return values
        if self.dropout:
            values = values * self._kept("dropout", values.shape[1:], self.dropout, values)
        if self.ranks:
            shape = [1] * (values.dim() - 1)
            shape[axis if axis < 0 else axis - 1] = values.shape[axis]
            values = values * self._kept("ranks", torch.Size(shape), self.ranks, values)
        return values * self.present(values) if self.module else values

    def present(self, values: Tensor) -> Tensor:
        """1 for rows at which the module takes part and 0 where it rests, shaped to multiply ``values``."""
        kept = [float(unit(seed, "module", self.name) >= self.module) for seed in self.rows()]
        mask = torch.tensor(kept, dtype=values.dtype).repeat_interleave(self._each(values))
        return mask.view(-1, *[1] * (values.dim() - 1)).to(values.device)

    def rows(self) -> tuple[int, ...]:
        """The seeds of the rows."""
        assert self.seeds.rows is not None
        return self.seeds.rows

    def _kept(self, purpose: str, shape: torch.Size, rate: float, like: Tensor) -> Tensor:
        """0 or 1 / (1 - rate), [rows, *shape]; the first values of a longer row are those of a shorter one."""
        each = self._each(like)
        drawn = [
            torch.rand(
                (each, *shape),
                generator=torch.Generator(like.device).manual_seed(count(seed, purpose, self.name)),
                device=like.device,
            )
            for seed in self.rows()
        ]
        return (torch.cat(drawn) >= rate).to(like.dtype) / (1 - rate)

    def _each(self, values: Tensor) -> int:
        """Rows of the model's batch that one seed stands for: a text encoder sees every chunk of a caption apart."""
        each, left = divmod(len(values), len(self.rows()))
        assert not left, f"{len(values)} rows in {self.name} for {len(self.rows())} seeds"
        return each
