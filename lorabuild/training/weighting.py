"""Weights of a sample's loss by its timestep, from the signal-to-noise ratio SNR = ᾱ / (1 - ᾱ)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction"]

HIGHEST_SNR = 1000.0


def all_snr(alphas_cumprod: Tensor) -> Tensor:
    """SNR of every timestep; 0 where nothing of the signal is left."""
    return (alphas_cumprod.sqrt() / (1 - alphas_cumprod).sqrt()) ** 2


def min_snr_gamma(snr: Tensor, gamma: float, prediction: Prediction) -> Tensor:
    """min(SNR, γ) / SNR, and / (SNR + 1) for v-prediction (Hang et al. 2023, "Efficient Diffusion Training via Min-SNR")."""
    capped = snr.clamp(max=gamma)
    if prediction == "v_prediction":
        return capped / (snr + 1)
    return torch.where(snr > 0, capped / snr, torch.ones_like(snr))


def debiased_estimation(snr: Tensor, prediction: Prediction) -> Tensor:
    """1 / √SNR, and 1 / (SNR + 1) for v-prediction; SNR capped at 1000 (Yu et al. 2023, "Debias the Training")."""
    capped = snr.clamp(max=HIGHEST_SNR)
    if prediction == "v_prediction":
        return 1 / (capped + 1)
    return 1 / capped.sqrt()


def table(alphas_cumprod: Tensor, gamma: float | None, debiased: bool, prediction: Prediction) -> Tensor:
    """The weight of every timestep, ``[num_timesteps]`` in float32: the product of what is switched on."""
    snr = all_snr(alphas_cumprod.float())
    weights = torch.ones_like(snr)
    if gamma is not None:
        weights = weights * min_snr_gamma(snr, gamma, prediction)
    if debiased:
        weights = weights * debiased_estimation(snr, prediction)
    return weights
