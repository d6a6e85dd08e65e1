"""What training makes small: the distance between what the model predicts for a noisy image and what it should."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import torch

from lorabuild.training import losses, weighting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from accelerate import Accelerator
    from torch import Tensor

    from lorabuild.models.family import Model
    from lorabuild.training.batches import Look
    from lorabuild.training.feed import Feed


class Objective(Protocol):
    """What the loop makes small. It alone knows model, family, noise and loss."""

    def __call__(self, looks: Sequence[Look], step: int) -> Tensor:
        """The weighted loss of every look ``[B]``, float32 with gradients; ``step`` is the optimizer step (from 0)."""
        ...


@dataclass(frozen=True)
class Denoising:
    """The usual objective: noise is added to cached latents and the model says what was added (Ho et al. 2020)."""

    model: Model
    feed: Feed
    device: Accelerator

    def __call__(self, looks: Sequence[Look], step: int) -> Tensor:  # noqa: ARG002 - nothing here changes on the way
        """The weighted distance of every look ``[B]``."""
        model, feed, device = self.model, self.feed, self.device.device
        clean = feed.latents(looks).to(device)
        noise = feed.noise(looks, clean.shape[1:]).to(device)
        times = feed.timesteps(looks, model.num_timesteps)
        weights = (feed.weights(looks) * self._weights[times]).to(device)
        times = times.to(device)
        with self.device.autocast():
            prediction = model.predict(model.add_noise(clean, noise, times), times, self.condition(looks))
        target = model.target(clean, noise, times)
        return losses.per_sample(feed.training.loss.type, prediction, target) * weights

    def condition(self, looks: Sequence[Look]) -> Mapping[str, Tensor]:
        """What the model is told beside the latents: what its text encoders answer, and ``sizes``."""
        device, feed = self.device.device, self.feed
        if feed.frozen_text:
            told = {name: tensor.to(device) for name, tensor in feed.hidden(looks).items()}
        else:
            told = self.model.encode_text(feed.tokens(looks).to(device))
        return {**told, "sizes": feed.sizes(looks).to(device)}

    @cached_property
    def _weights(self) -> Tensor:
        """The loss weight of every timestep, on the CPU."""
        snr = self.model.snr(torch.arange(self.model.num_timesteps, device=self.model.device)).float().cpu()
        training = self.feed.training
        return weighting.table(snr, training.min_snr_gamma, training.debiased_estimation, self.model.prediction)
