"""How much a base answers a word it was never taught: its predictions for the bare word beside those for no word.

The latents are the base's own: drawn from fixed seeds without a word, noised again to three places of the schedule.
With ε(w) the model's answer for the word, the distance is the mean over latents and places of ‖ε(w) - ε()‖ / ‖ε()‖.
Any word moves the answer a little; ``captions.lexicon.answer`` sets the distance against nonsense and plain words.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from lorabuild.models.device import padded, rows

if TYPE_CHECKING:
    from torch import Tensor

    from lorabuild.models.family import Model

SEEDS = (1, 2, 3, 4)
PLACES = (0.8, 0.6, 0.4)  # of the training timesteps: where a picture's content is decided
DRAFT, STEPS, CFG = 8, 12, 5.0  # steps of the latents; steps and guidance of the pictures


class Probe:
    """A loaded base (U-Net, text encoders, tokenizers; the VAE for pictures) with its latents of no word.

    Attributes:
        model: the base.
        side: width and height of what is drawn, in pixels.
        batch: rows of a pass on a GPU.
    """

    def __init__(self, model: Model, side: int, batch: int = 8) -> None:
        self.model, self.side, self.batch = model, side, batch
        self._clean = self._drawn("", DRAFT, 1.0)
        generators = [torch.Generator().manual_seed(-seed) for seed in SEEDS]
        self._noise = torch.stack([torch.randn(self._clean.shape[1:], generator=one) for one in generators])
        self._empty = self._answers("")

    def distance(self, word: str) -> float:
        """‖ε(w) - ε()‖ / ‖ε()‖, the mean over latents and places: 0 where the word changes nothing."""
        apart = (self._answers(word) - self._empty).flatten(1).norm(dim=1)
        return float((apart / self._empty.flatten(1).norm(dim=1)).mean())

    def picture(self, word: str) -> Tensor:
        """uint8 [2·side, seeds·side, 3]: above the pictures of no word, below those of the word, seed by seed."""
        return torch.cat([self._nothing, self._strip(word)])

    @cached_property
    def _nothing(self) -> Tensor:
        return self._strip("")

    def _strip(self, text: str) -> Tensor:
        """Pictures of a text side by side, uint8 [side, seeds·side, 3]."""
        return torch.cat([*self.model.decode(self._drawn(text, STEPS, CFG), self.batch)], dim=1)

    def _drawn(self, text: str, steps: int, cfg: float) -> Tensor:
        """Latents float32 [seeds, C, h, w] on the CPU."""
        texts, side = [text] * len(SEEDS), self.side
        return self.model.sample_latents(
            texts,
            negatives=[""] * len(SEEDS),
            seeds=SEEDS,
            steps=steps,
            cfg=cfg,
            width=side,
            height=side,
            batch=self.batch,
        )

    def _answers(self, text: str) -> Tensor:
        """Predictions float32 [places·seeds, C, h, w] on the CPU, in one fixed, padded batch shape."""
        model, count = self.model, rows(self.model.device, self.side**2, self.batch)
        condition = self._condition(text, count)
        found = []
        with torch.no_grad():
            for place in PLACES:
                t = torch.full((count,), int(place * model.num_timesteps), device=model.device)
                for group, wanted in padded(range(len(SEEDS)), count):
                    clean, noise = (one[group].to(model.device) for one in (self._clean, self._noise))
                    found.append(model.predict(model.add_noise(clean, noise, t), t, condition)[:wanted].float().cpu())
        return torch.cat(found)

    def _condition(self, text: str, count: int) -> dict[str, Tensor]:
        """What the answers depend on: the text, and pictures that are whole and as large as they are drawn."""
        sizes = torch.tensor([[self.side, self.side, 0, 0, self.side, self.side]] * count, dtype=torch.float32)
        device = self.model.device
        with torch.no_grad():
            return {**self.model.encode_text(self.model.tokenize([text] * count).to(device)), "sizes": sizes.to(device)}
