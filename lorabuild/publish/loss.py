"""Loss, noise and caption dropout in the words of the standard trainer; what is switched off has no details."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorabuild.schema.noise import Noise, Timesteps
    from lorabuild.schema.training import Training

TIMESTEPS = 1000


def words(training: Training) -> dict[str, str]:
    """``ss_*`` words; an unset one says ``None``, what is ours alone has a word of our own."""
    loss = training.loss
    known: dict[str, str] = {"ss_loss_type": loss.type}
    if loss.type in ("huber", "smooth_l1"):
        known |= {f"ss_huber_{word}": str(getattr(loss, word)) for word in ("schedule", "c", "scale")}
    return {
        **known,
        "ss_min_snr_gamma": str(training.min_snr_gamma),
        "ss_debiased_estimation": str(training.debiased_estimation),
        "ss_caption_dropout_rate": str(training.caption_dropout),
        "ss_caption_dropout_every_n_epochs": str(training.caption_dropout_every),
        **_noise(training.noise),
    }


def _noise(noise: Noise) -> dict[str, str]:
    known = {
        "ss_noise_offset": noise.offset or None,
        "ss_adaptive_noise_scale": noise.offset_adaptive or None,
        "ss_multires_noise_iterations": noise.pyramid or None,
        "ss_ip_noise_gamma": noise.ip_gamma or None,
    }
    if noise.offset:
        known["ss_noise_offset_random_strength"] = noise.offset_random
    if noise.pyramid:
        known["ss_multires_noise_discount"] = noise.pyramid_discount
    if noise.ip_gamma:
        known["ss_ip_noise_gamma_random_strength"] = noise.ip_gamma_random
    return {word: str(value) for word, value in known.items()}


def timestep_range(settings: Timesteps) -> str | None:
    """``modelspec.timestep_range``: first timestep and the one behind the last; None where all are trained."""
    last = TIMESTEPS if settings.max is None else settings.max
    return None if (settings.min, last) == (0, TIMESTEPS) else f"{settings.min},{last}"
