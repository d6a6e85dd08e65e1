"""Weights of a sample's loss by its timestep, from the signal-to-noise ratio SNR = ᾱ / (1 - ᾱ)."""

from __future__ import annotations

import torch
from torch import Tensor

HIGHEST_SNR = 1000.0


def all_snr(alphas_cumprod: Tensor) -> Tensor:
    """SNR of every timestep; 0 where nothing of the signal is left."""
    return (alphas_cumprod.sqrt() / (1 - alphas_cumprod).sqrt()) ** 2


def min_snr_gamma(snr: Tensor, gamma: float, prediction: str) -> Tensor:
    """min(SNR, gamma) / SNR, and / (SNR + 1) for v-prediction (Hang et al. 2023, Min-SNR weighting)."""
    capped = snr.clamp(max=gamma)
    if prediction == "v_prediction":
        return capped / (snr + 1)
    return torch.where(snr > 0, capped / snr, torch.ones_like(snr))


def debiased_estimation(snr: Tensor, prediction: str) -> Tensor:
    """1 / √SNR, and 1 / (SNR + 1) for v-prediction; SNR capped at 1000 (Yu et al. 2023, "Debias the Training")."""
    capped = snr.clamp(max=HIGHEST_SNR)
    if prediction == "v_prediction":
        return 1 / (capped + 1)
    return 1 / capped.sqrt()


def table(snr: Tensor, gamma: float | None, debiased: bool, prediction: str) -> Tensor:
    """The weight of every timestep from its SNR, ``[timesteps]``: the product of what is switched on."""
    weights = torch.ones_like(snr)
    if gamma is not None:
        weights = weights * min_snr_gamma(snr, gamma, prediction)
    if debiased:
        weights = weights * debiased_estimation(snr, prediction)
    return weights
