"""Weights of a sample's loss by its timestep, from the signal-to-noise ratio SNR = ᾱ / (1 - ᾱ).

A weight is written for the loss of a model that predicts the noise (epsilon). The loss of a v-prediction model is
larger by (SNR + 1) / SNR, so the same emphasis is SNR / (SNR + 1) times that weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from lorabuild.schema.training import Training

HIGHEST_SNR = 1000.0
V_PREDICTION = "v_prediction"


def all_snr(alphas_cumprod: Tensor) -> Tensor:
    """SNR of every timestep; 0 where nothing of the signal is left."""
    return (alphas_cumprod.sqrt() / (1 - alphas_cumprod).sqrt()) ** 2


def min_snr_gamma(snr: Tensor, gamma: float, prediction: str) -> Tensor:
    """min(SNR, gamma) / SNR, and / (SNR + 1) for v-prediction (Hang et al. 2023, Min-SNR weighting)."""
    capped = snr.clamp(max=gamma)
    if prediction == V_PREDICTION:
        return capped / (snr + 1)
    return torch.where(snr > 0, capped / snr, torch.ones_like(snr))


def soft_min_snr_gamma(snr: Tensor, gamma: float, prediction: str) -> Tensor:
    """1 / (1 + SNR / gamma), and SNR / (SNR + 1) times that for v-prediction.

    That is Min-SNR with half the harmonic mean of SNR and gamma in place of the smaller one. The paper (Crowson et al.
    2024, Hourglass Diffusion Transformers) writes it as 1 / (σ² + 1/gamma) for the loss of the clean image.
    """
    weight = 1 / (1 + snr / gamma)
    return weight * snr / (snr + 1) if prediction == V_PREDICTION else weight


def debiased_estimation(snr: Tensor, prediction: str) -> Tensor:
    """1 / √SNR, and 1 / (SNR + 1) for v-prediction; SNR capped at 1000 (Yu et al. 2023, "Debias the Training")."""
    capped = snr.clamp(max=HIGHEST_SNR)
    if prediction == V_PREDICTION:
        return 1 / (capped + 1)
    return 1 / capped.sqrt()


def p2(snr: Tensor, gamma: float, k: float, prediction: str) -> Tensor:
    """(k + SNR)^-gamma, and SNR / (SNR + 1) times that for v-prediction (Choi et al. 2022, P2 weighting)."""
    weight = (k + snr) ** -gamma
    return weight * snr / (snr + 1) if prediction == V_PREDICTION else weight


def like_epsilon(snr: Tensor) -> Tensor:
    """SNR / (SNR + 1), with SNR capped at 1000: what makes the loss of a v-prediction that of an epsilon model."""
    capped = snr.clamp(max=HIGHEST_SNR)
    return capped / (capped + 1)


def table(snr: Tensor, training: Training, prediction: str) -> Tensor:
    """The weight of every timestep from its SNR, ``[timesteps]``: the product of what is switched on.

    Raises ``ProjectError`` where a weight is meant for models that predict something else.
    """
    check(training, prediction)
    weights = torch.ones_like(snr)
    if training.min_snr_gamma is not None:
        weights = weights * min_snr_gamma(snr, training.min_snr_gamma, prediction)
    if training.soft_min_snr_gamma is not None:
        weights = weights * soft_min_snr_gamma(snr, training.soft_min_snr_gamma, prediction)
    if training.p2_gamma is not None:
        weights = weights * p2(snr, training.p2_gamma, training.p2_k, prediction)
    if training.scale_v_pred_loss:
        weights = weights * like_epsilon(snr)
    if training.v_pred_like_loss > 0:
        weights = weights * (1 + training.v_pred_like_loss / like_epsilon(snr))
    if training.debiased_estimation:
        weights = weights * debiased_estimation(snr, prediction)
    return weights


def check(training: Training, prediction: str) -> None:
    """Raise ``ProjectError`` where a weight is meant for models that predict something else."""
    meant = {"scale_v_pred_loss": V_PREDICTION, "v_pred_like_loss": "epsilon"}
    for word, wanted in meant.items():
        if getattr(training, word) and prediction != wanted:
            raise ProjectError(
                f"`{word}` is for models that predict `{wanted}`, and this one predicts `{prediction}`",
                where=f"training.{word}",
                next_step="leave it out",
            )
