"""From looks to tensors: latents, captions, noise, timesteps and weights of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.errors import StageError
from lorabuild.training import randomness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.training import Training
    from lorabuild.training.batches import Look
    from lorabuild.training.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Text:
    """Digests of a caption's token ids and, for frozen encoders, its hidden states."""

    tokens: str
    hidden: str | None


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the tensors of a look come from, and what is random about it.

    Attributes:
        shelf: the cached tensors.
        empty: the empty caption, for dropout and padding.
        training: the settings.
        prior_weight: weight of prior pictures in the loss.
        frozen_text: whether contexts are read (hidden states) or encoded from token ids.
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

    def text(self, looks: Sequence[Look]) -> Tensor:
        """Token ids ``[B, T]`` or, of frozen encoders, hidden states ``[B, T, D]``; short ones end in empty chunks."""
        rows = [self._caption(look) for look in looks]
        longest = max(len(row) for row in rows)
        return torch.stack([self._lengthened(row, longest) for row in rows])

    def _lengthened(self, row: Tensor, longest: int) -> Tensor:
        """A row with empty chunks behind it up to ``longest``; chunks of hidden states share begin and end."""
        empty = self._tensor(self.empty.tokens, self.empty.hidden)
        while len(row) < longest:
            row = torch.cat([row, empty] if not self.frozen_text else [row[:-1], empty[1:]])
        return row

    def _caption(self, look: Look) -> Tensor:
        if randomness.chance(self.training.seed, "caption_dropout", look, self.training.caption_dropout):
            return self._tensor(self.empty.tokens, self.empty.hidden)
        return self._tensor(look.record.tokens, look.record.hidden)

    def _tensor(self, tokens: str, hidden: str | None) -> Tensor:
        if not self.frozen_text:
            return self.shelf.tensors(tokens)["tokens"].flatten()
        if hidden is None:
            raise StageError("a caption has no cached hidden states although its text encoder is frozen", where="train")
        return self.shelf.tensors(hidden)["hidden"]

    def noise(self, looks: Sequence[Look], shape: Sequence[int]) -> Tensor:
        """``[B, C, H, W]`` float32."""
        return randomness.noise(self.training.seed, looks, shape)

    def timesteps(self, looks: Sequence[Look], number: int) -> Tensor:
        """``[B]`` int64 in 0 … number - 1."""
        return randomness.timesteps(self.training.seed, looks, number)

    def weights(self, looks: Sequence[Look]) -> Tensor:
        """``[B]`` float32: 1 for training images, ``prior_weight`` for prior pictures."""
        return torch.tensor([self.prior_weight if look.record.prior else 1.0 for look in looks])
