"""From looks to tensors: latents, masks, captions, timesteps and weights of a batch, all on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load
from torch import Tensor

from lorabuild.core.errors import StageError
from lorabuild.training import masks, noise, randomness, timesteps
from lorabuild.training.batches import forms_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
        warmup: optimizer steps over which captions grow, tag by tag.
        chunks: of the longest caption of the course; shorter ones are lengthened to it, whatever is in their batch.
        live: makes ``latents``, ``sizes`` and ``mask`` of looks whose pictures aren't cached.
    """

    shelf: Shelf
    empty: Text
    training: Training
    prior_weight: float
    frozen_text: bool
    warmup: int = 0
    chunks: int = 1
    live: Callable[[Sequence[Look]], Sequence[Mapping[str, Tensor]]] | None = None

    def latents(self, looks: Sequence[Look]) -> Tensor:
        """``[B, C, h, w]`` float32; mirrored ones for half the looks where they are cached."""
        return torch.stack([one["latents"] for one in self.pictures(looks)])

    def mask(self, looks: Sequence[Look]) -> Tensor | None:
        """What every element's distance is multiplied with, ``[B, 1, h, w]``; None where no look has a mask.

        Masks lie beside the latents, ``[1, h, w]`` of 0 (hidden) … 1 (learned), and are mirrored with them.
        """
        pictures = self.pictures(looks)
        found = masks.stacked([one.get("mask") for one in pictures], pictures[0]["latents"].shape[1:])
        if found is None:
            return None
        return masks.weights(found, self.training.mask_floor, normalize=self.training.mask_normalize)

    def pictures(self, looks: Sequence[Look]) -> list[Mapping[str, Tensor]]:
        """``latents``, and what else is kept beside them, as each look sees them."""
        uncached = [look for look in looks if not look.record.latents]
        made = iter(self.live(uncached) if self.live and uncached else ())
        return [self._picture(look) if look.record.latents else next(made) for look in looks]

    def _picture(self, look: Look) -> Mapping[str, Tensor]:
        """``latents``, and ``mask`` where there is one, as this look sees them."""
        found = self.shelf.tensors(look.record.latents)
        if "latents_flipped" in found and randomness.chance(self.training.seed, "flip", look, 0.5):
            return {name.removesuffix("_flipped"): one for name, one in found.items() if name.endswith("_flipped")}
        return found

    def tokens(self, looks: Sequence[Look], step: int = 0) -> Tensor:
        """Token ids int64 ``[B, E, N·77]`` of every look's caption; short ones end in empty chunks."""
        rows = [self.shelf.tensors(self.text(look, step).tokens)["tokens"] for look in looks]
        empty = self.shelf.tensors(self.empty.tokens)["tokens"]
        missing = [self.chunks - row.shape[-1] // empty.shape[-1] for row in rows]
        return torch.stack([torch.cat([row, *[empty] * more], dim=-1) for row, more in zip(rows, missing, strict=True)])

    def hidden(self, looks: Sequence[Look], step: int = 0) -> dict[str, Tensor]:
        """What the frozen encoders answered: ``hidden`` ``[B, 75·N + 2, D]``, and whatever else the family keeps."""
        return self.answers([self.text(look, step) for look in looks])

    def answers(self, texts: Sequence[Text]) -> dict[str, Tensor]:
        """The same for texts that are already chosen."""
        rows = [self._answer(text) for text in texts]
        empty = self._answer(self.empty)[CHUNKED]
        longest = self.chunks * (len(empty) - 2) + 2
        stacked = {name: torch.stack([row[name] for row in rows]) for name in rows[0] if name != CHUNKED}
        return {CHUNKED: torch.stack([_lengthened(row[CHUNKED], empty, longest) for row in rows]), **stacked}

    def sizes(self, looks: Sequence[Look]) -> Tensor:
        """``[B, 6]`` float32: original height and width, crop from top and left, target height and width."""
        if self.live is None:
            return torch.tensor([look.record.sizes for look in looks])
        rows = zip(looks, self.pictures(looks), strict=True)
        return torch.stack([row["sizes"] if "sizes" in row else torch.tensor(look.record.sizes) for look, row in rows])

    def text(self, look: Look, step: int = 0) -> Text:
        """The caption of this look at an optimizer step: empty where it is dropped, else one of its forms."""
        training = self.training
        every = training.caption_dropout_every
        if every and (look.epoch + 1) % every == 0:
            return self.empty
        if randomness.chance(training.seed, "caption_dropout", look, training.caption_dropout):
            return self.empty
        allowed = forms_at(look.record, step, self.warmup)
        return allowed[randomness.choice(training.seed, "caption", look, len(allowed))]

    def _answer(self, text: Text) -> Mapping[str, Tensor]:
        if text.hidden is None:
            raise StageError("a caption has no cached hidden states although its text encoder is frozen", where="train")
        return self.shelf.tensors(text.hidden)

    def noise(self, looks: Sequence[Look], clean: Tensor) -> noise.Drawn:
        """The noise for latents ``[B, C, h, w]``, float32."""
        return noise.draw(self.training.noise, self.training.seed, looks, clean)

    def timesteps(self, looks: Sequence[Look], number: int) -> Tensor:
        """``[B]`` int64, of a model that has so many."""
        return timesteps.timesteps(self.training.timesteps, self.training.seed, looks, number)

    def weights(self, looks: Sequence[Look]) -> Tensor:
        """``[B]`` float32: 1 for training images, ``prior_weight`` for prior pictures."""
        return torch.tensor([self.prior_weight if look.record.prior else 1.0 for look in looks])

    def seeds(self, looks: Sequence[Look]) -> tuple[int, ...]:
        """What the adapter's own randomness is counted from: one seed a look."""
        return tuple(randomness.seed_of(self.training.seed, "adapter", look) for look in looks)


def most_chunks(texts: Iterable[Text], empty: Text, read: Callable[[str], bytes]) -> int:
    """Chunks of the longest caption; ``read`` gives the bytes of a digest, none of which are kept."""
    lengths = {digest: load(read(digest))["tokens"].shape[-1] for digest in {text.tokens for text in (*texts, empty)}}
    return int(max(lengths.values()) // lengths[empty.tokens])


def _lengthened(row: Tensor, empty: Tensor, longest: int) -> Tensor:
    """Hidden states ``[L, D]`` with empty chunks behind them up to ``longest``; chunks share begin and end."""
    while len(row) < longest:
        row = torch.cat([row[:-1], empty[1:]])
    return row
