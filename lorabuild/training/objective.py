"""What training makes small: the distance between what the model predicts for a noisy image and what it should."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from lorabuild.training import losses, timesteps, weighting
from lorabuild.training.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from accelerate import Accelerator
    from torch import Tensor

    from lorabuild.models.family import Model
    from lorabuild.networks.adapter import Adapter
    from lorabuild.training.batches import Look
    from lorabuild.training.feed import Feed


class Objective(Protocol):
    """What the loop makes small. It alone knows model, family, noise and loss."""

    def __call__(self, looks: Sequence[Look], step: int) -> Tensor:
        """The weighted loss of every look ``[B]``, float32 with gradients; ``step`` is the optimizer step (from 0).

        It is ``measure(prepare(looks, step))``.
        """
        ...

    def prepare(self, looks: Sequence[Look], step: int) -> Any:
        """What of it needs neither model nor device: may be done ahead, in another thread."""
        ...

    def measure(self, prepared: Any) -> Tensor:
        """The weighted loss of every look that was prepared."""
        ...


@dataclass(slots=True)
class Denoising:
    """The usual objective: noise is added to cached latents and the model says what was added (Ho et al. 2020).

    Raises ``ProjectError`` where settings don't fit the model: weights for another prediction, timesteps it hasn't.

    Attributes:
        weights: loss weight of every timestep, on the CPU.
        thresholds: likewise of the loss, where it has one.
    """

    model: Model
    feed: Feed
    device: Accelerator
    adapter: Adapter
    weights: Tensor = field(init=False, repr=False)
    thresholds: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        model, training = self.model, self.feed.training
        timesteps.bounds(training.timesteps, model.num_timesteps)
        snr = model.snr(torch.arange(model.num_timesteps, device=model.device)).float().cpu()
        self.weights = weighting.table(snr, training, model.prediction)
        self.thresholds = losses.thresholds(training.loss, model.alphas_cumprod)

    def __call__(self, looks: Sequence[Look], step: int) -> Tensor:
        """The weighted distance of every look ``[B]``."""
        return self.measure(self.prepare(looks, step))

    def prepare(self, looks: Sequence[Look], step: int) -> Prepared:
        """All that is read, drawn and looked up, on the CPU; for a GPU in pinned memory."""
        feed = self.feed
        clean = feed.latents(looks)
        drawn = feed.noise(looks, clean)
        times = feed.timesteps(looks, self.model.num_timesteps)
        text = feed.hidden(looks, step) if feed.frozen_text else {"tokens": feed.tokens(looks, step)}
        made = Prepared(
            clean=clean,
            noise=drawn.noise,
            extra=drawn.extra,
            times=times,
            weights=feed.weights(looks) * self.weights[times],
            thresholds=None if self.thresholds is None else self.thresholds[times],
            mask=feed.mask(looks),
            told={**text, "sizes": feed.sizes(looks)},
            seeds=feed.seeds(looks),
        )
        return made.pinned() if self.device.device.type == "cuda" else made

    def measure(self, prepared: Prepared) -> Tensor:
        """The weighted distance of every row ``[B]``."""
        model, batch = self.model, prepared.to(self.device.device)
        self.adapter.begin(batch.seeds)
        shown = batch.noise if batch.extra is None else batch.noise + batch.extra
        with self.device.autocast():
            prediction = model.predict(model.add_noise(batch.clean, shown, batch.times), batch.times, self._told(batch))
        target = model.target(batch.clean, batch.noise, batch.times)
        word = self.feed.training.loss.type
        return losses.per_sample(word, prediction, target, batch.thresholds, batch.mask) * batch.weights

    def _told(self, batch: Prepared) -> Mapping[str, Tensor]:
        """What the model is told beside the latents: what its text encoders answer, and ``sizes``."""
        if "tokens" not in batch.told:
            return batch.told
        return {**self.model.encode_text(batch.told["tokens"]), "sizes": batch.told["sizes"]}
