"""Discrete diffusion forwards: how noise is added, what the model should answer, how much signal is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True, slots=True)
class Diffusion:
    """A discrete noise schedule (Ho et al. 2020).

    Attributes:
        alphas_cumprod: ᾱ, float32 [timesteps], falling from nearly 1 to nearly 0, or to 0 at zero-terminal SNR.
        prediction: ``epsilon`` or ``v_prediction`` (Salimans & Ho 2022).
        weighed: the ᾱ that ``snr`` is of: never rescaled, so that weightings are those of the standard trainer.
    """

    alphas_cumprod: Tensor
    prediction: Prediction
    weighed: Tensor

    def roots(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """√ᾱ and √(1-ᾱ) at t [B], shaped to multiply ``like`` [B, …]."""
        alpha = self.alphas_cumprod.to(like.device)[t].view(-1, *[1] * (like.dim() - 1))
        return alpha.sqrt(), (1 - alpha).sqrt()

    def add_noise(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """√ᾱ · clean + √(1-ᾱ) · noise, all [B, C, h, w], t int64 [B]."""
        signal, sigma = self.roots(t, clean)
        return signal * clean + sigma * noise

    def target(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """The noise, or v = √ᾱ · noise - √(1-ᾱ) · clean, [B, C, h, w]."""
        if self.prediction == "epsilon":
            return noise
        signal, sigma = self.roots(t, clean)
        return signal * noise - sigma * clean

    def step(self, noisy: Tensor, answer: Tensor, t: Tensor, to: Tensor) -> Tensor:
        """Latents at timestep ``to`` [B], drawn on from ``t`` [B] by the answer (Song et al. 2021, DDIM, η = 0)."""
        (signal, sigma), (signal_to, sigma_to) = self.roots(t, noisy), self.roots(to, noisy)
        if self.prediction == "epsilon":
            clean, noise = (noisy - sigma * answer) / signal, answer
        else:
            clean, noise = signal * noisy - sigma * answer, sigma * noisy + signal * answer
        return signal_to * clean + sigma_to * noise

    def snr(self, t: Tensor) -> Tensor:
        """ᾱ / (1-ᾱ), float32 [B], as it was before a rescaling to zero-terminal SNR."""
        alpha = self.weighed.to(t.device)[t]
        return alpha / (1 - alpha)


def diffusion(config: Mapping[str, Any]) -> Diffusion:
    """The schedule of a diffusers ``scheduler_config.json`` (betas, timesteps, prediction type, rescaling)."""
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in {"epsilon", "v_prediction"}:
        raise ProjectError(
            f"the base model predicts `{prediction}`; this family knows epsilon and v_prediction", where="base.model"
        )
    plain = torch.cumprod(1 - betas(config), dim=0)
    return Diffusion(rescaled(plain) if config.get("rescale_betas_zero_snr") else plain, prediction, plain)


def rescaled(alphas_cumprod: Tensor) -> Tensor:
    """The schedule shifted and stretched so that no signal is left at the last timestep (Lin et al. 2023)."""
    roots = alphas_cumprod.sqrt()
    first, last = roots[0], roots[-1]
    made: Tensor = ((roots - last) * (first / (first - last))) ** 2
    return made


def betas(config: Mapping[str, Any]) -> Tensor:
    """Noise variances float32 [timesteps]: ``linear``, or ``scaled_linear`` (linear in the square root)."""
    first, last = config.get("beta_start", 0.00085), config.get("beta_end", 0.012)
    count, form = config.get("num_train_timesteps", 1000), config.get("beta_schedule", "scaled_linear")
    if form == "scaled_linear":
        return torch.linspace(first**0.5, last**0.5, count, dtype=torch.float32) ** 2
    if form == "linear":
        return torch.linspace(first, last, count, dtype=torch.float32)
    raise ProjectError(
        f"the base model's scheduler has the noise schedule `{form}`; known are scaled_linear and linear",
        where="base.model",
    )
