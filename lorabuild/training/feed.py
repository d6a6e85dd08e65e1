"""From looks to tensors: latents, captions, noise, timesteps and weights of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.errors import StageError
from lorabuild.training import randomness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.schema.training import Training
    from lorabuild.training.batches import Look, Text
    from lorabuild.training.shelf import Shelf

CHUNKED = "hidden"


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the tensors of a look come from, and what is random about it.

    Attributes:
        shelf: the cached tensors.
        empty: the empty caption, for dropout and padding.
        training: the settings.
        prior_weight: weight of prior pictures in the loss.
        frozen_text: whether what the text encoders answer is cached, or is to be encoded from token ids.
    """

    shelf: Shelf
    empty: Text
    training: Training
    prior_weight: float
    frozen_text: bool

    def latents(self, looks: Sequence[Look]) -> Tensor:
        """``[B, C, H, W]`` float32; mirrored ones for half the looks where they are cached."""
        rows = []
        for look in looks:
            found = self.shelf.tensors(look.record.latents)
            mirrored = "latents_flipped" in found and randomness.chance(self.training.seed, "flip", look, 0.5)
            rows.append(found["latents_flipped" if mirrored else "latents"])
        return torch.stack(rows)

    def tokens(self, looks: Sequence[Look]) -> Tensor:
        """Token ids int64 ``[B, E, N·77]`` of every look's caption; short ones end in empty chunks."""
        rows = [self.shelf.tensors(self.text(look).tokens)["tokens"] for look in looks]
        empty = self.shelf.tensors(self.empty.tokens)["tokens"]
        longest = max(row.shape[-1] for row in rows)
        return torch.stack([torch.cat([row, *[empty] * _missing(row, empty, longest)], dim=-1) for row in rows])

    def hidden(self, looks: Sequence[Look]) -> dict[str, Tensor]:
        """What the frozen encoders answered: ``hidden`` ``[B, 75·N + 2, D]``, and whatever else the family keeps."""
        rows = [self._answer(self.text(look)) for look in looks]
        empty = self._answer(self.empty)[CHUNKED]
        longest = max(len(row[CHUNKED]) for row in rows)
        stacked = {name: torch.stack([row[name] for row in rows]) for name in rows[0] if name != CHUNKED}
        return {CHUNKED: torch.stack([_lengthened(row[CHUNKED], empty, longest) for row in rows]), **stacked}

    def sizes(self, looks: Sequence[Look]) -> Tensor:
        """``[B, 6]`` float32: original height and width, crop from top and left, target height and width."""
        return torch.tensor([look.record.sizes for look in looks])

    def text(self, look: Look) -> Text:
        """The caption of this look: empty where it is dropped, else one of its forms."""
        if randomness.chance(self.training.seed, "caption_dropout", look, self.training.caption_dropout):
            return self.empty
        return look.record.texts[randomness.choice(self.training.seed, "caption", look, len(look.record.texts))]

    def _answer(self, text: Text) -> Mapping[str, Tensor]:
        if text.hidden is None:
            raise StageError("a caption has no cached hidden states although its text encoder is frozen", where="train")
        return self.shelf.tensors(text.hidden)

    def noise(self, looks: Sequence[Look], shape: Sequence[int]) -> Tensor:
        """``[B, C, H, W]`` float32."""
        return randomness.noise(self.training.seed, looks, shape)

    def timesteps(self, looks: Sequence[Look], number: int) -> Tensor:
        """``[B]`` int64 in 0 … number - 1."""
        return randomness.timesteps(self.training.seed, looks, number)

    def weights(self, looks: Sequence[Look]) -> Tensor:
        """``[B]`` float32: 1 for training images, ``prior_weight`` for prior pictures."""
        return torch.tensor([self.prior_weight if look.record.prior else 1.0 for look in looks])


def _missing(row: Tensor, empty: Tensor, longest: int) -> int:
    """How many empty chunks of tokens a row lacks."""
    return (longest - row.shape[-1]) // empty.shape[-1]


def _lengthened(row: Tensor, empty: Tensor, longest: int) -> Tensor:
    """Hidden states ``[L, D]`` with empty chunks behind them up to ``longest``; chunks share begin and end."""
    while len(row) < longest:
        row = torch.cat([row[:-1], empty[1:]])
    return row
