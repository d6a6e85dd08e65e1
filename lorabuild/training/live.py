"""Pictures that are not cached: each look is decoded, cropped, coloured and encoded anew, counted from what it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from lorabuild.core.counted import units
from lorabuild.training import randomness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lorabuild.training.batches import Look, Record


class Shown(NamedTuple):
    """Pixels uint8 [H, W, 3], mask float32 [1, h, w] or None, left and top of a random crop or None."""

    pixels: Tensor
    mask: Tensor | None
    corner: tuple[int, int] | None


class Show(Protocol):
    """Decodes a record's picture; ``chances`` are five numbers in [0, 1) of this look. Raises ``StageError``."""

    def __call__(self, record: Record, chances: Sequence[float]) -> Shown:
        """The picture at its record's size."""
        ...


class Encode(Protocol):
    """Scaled latents [B, C, h, w] of pixels uint8 [B, H, W, 3] and unit noise [B, C, h, w]."""

    def __call__(self, images: Tensor, noise: Tensor) -> Tensor:
        """Encode."""
        ...


@dataclass(slots=True)
class Live:
    """What the shelf would hold for a look, made now; the last batch is kept, because several ask for it.

    Attributes:
        show, encode: picture and VAE.
        channels, factor: of the latents; pixels a latent side.
        seed: root of all chances.
        flip: whether half the looks are mirrored.
        together: encode a batch at once (a GPU); one by one the bits don't depend on batch-mates.
        threads: pictures that are decoded at once.
    """

    show: Show
    encode: Encode
    channels: int
    factor: int
    seed: int
    flip: bool
    together: bool = False
    threads: int = 1
    _kept: tuple[list[tuple[str, str, int]], list[dict[str, Tensor]]] = field(default=([], []))

    def __call__(self, looks: Sequence[Look]) -> list[dict[str, Tensor]]:
        """For each look ``latents`` [C, h, w], ``sizes`` [6] and, where it has one, ``mask`` [1, h, w]."""
        asked, kept = [look.identity for look in looks], self._kept  # several threads may ask
        if kept[0] != asked:
            kept = self._kept = asked, self._made(looks)
        return kept[1]

    def _made(self, looks: Sequence[Look]) -> list[dict[str, Tensor]]:
        shown = self._shown(looks)
        turned = [self.flip and randomness.chance(self.seed, "flip", look, 0.5) for look in looks]
        pixels = [one.pixels.flip(1) if flipped else one.pixels for one, flipped in zip(shown, turned, strict=True)]
        latents = self._encoded(torch.stack(pixels), looks)
        rows = [
            {"latents": row, "sizes": _sizes(look, one)} for row, look, one in zip(latents, looks, shown, strict=True)
        ]
        for row, one, flipped in zip(rows, shown, turned, strict=True):
            if one.mask is not None:
                row["mask"] = one.mask.flip(2) if flipped else one.mask
        return rows

    def _shown(self, looks: Sequence[Look]) -> list[Shown]:
        chances = [units(5, self.seed, "look", *look.identity) for look in looks]
        with ThreadPoolExecutor(self.threads, thread_name_prefix="looks") as pool:
            return list(pool.map(self.show, [look.record for look in looks], chances))

    def _encoded(self, pixels: Tensor, looks: Sequence[Look]) -> Tensor:
        width, height = looks[0].record.size
        shape = (self.channels, height // self.factor, width // self.factor)
        noise = randomness.noise(self.seed, looks, shape, "vae")
        count = len(looks) if self.together else 1
        parts = zip(torch.split(pixels, count), torch.split(noise, count), strict=True)
        return torch.cat([self.encode(images, drawn).cpu() for images, drawn in parts])


def _sizes(look: Look, shown: Shown) -> Tensor:
    """What some models are told: of a random crop its true corner."""
    height, width, top, left, *target = look.record.sizes
    if shown.corner:
        left, top = shown.corner
    return torch.tensor([height, width, top, left, *target])
