"""Settings of loss, noise, timesteps and masks that don't go together, or that do nothing as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.section import Section

NEEDED = {
    "training.noise.offset_adaptive": "training.noise.offset: 0.1",
    "training.noise.offset_random": "training.noise.offset: 0.1",
    "training.noise.pyramid_discount": "training.noise.pyramid: 6",
    "training.noise.ip_gamma_random": "training.noise.ip_gamma: 0.1",
    "training.p2_k": "training.p2_gamma: 1",
    "training.mask_floor": "images.masks: alpha",
    "training.mask_normalize": "images.masks: alpha",
}
"""Word → the one without which it does nothing, with a value to begin with."""

MEANT = {"scale_v_pred_loss": "v_prediction", "v_pred_like_loss": "epsilon"}
MOST_TIMESTEPS = 1000


def loss(loaded: Loaded) -> Iterator[Problem]:
    """Every such setting."""
    yield from _idle(loaded)
    yield from _weights(loaded)
    yield from _timesteps(loaded)


def _idle(loaded: Loaded) -> Iterator[Problem]:
    for dotted, needed in NEEDED.items():
        (section, word), (above, _, value) = _place(loaded, dotted), needed.partition(": ")
        other, name = _place(loaded, above)
        if getattr(section, word) != _default(section, word) and getattr(other, name) == _default(other, name):
            what = f"`{word}` does nothing without `{above}`"
            yield Problem(loaded.where(dotted), what, f"write `{name}: {value}`, or leave `{word}` out")


def _place(loaded: Loaded, dotted: str) -> tuple[Section, str]:
    """The section that a word stands in, and its name there."""
    *above, word = dotted.split(".")
    section: Section = loaded.project
    for name in above:
        section = getattr(section, name)
    return section, word


def _default(section: Section, word: str) -> Any:
    return type(section).model_fields[word].default


def _weights(loaded: Loaded) -> Iterator[Problem]:
    training, prediction = loaded.project.training, loaded.project.base.prediction
    if training.min_snr_gamma is not None and training.soft_min_snr_gamma is not None:
        what = "`min_snr_gamma` and `soft_min_snr_gamma` are two forms of one weighting"
        yield Problem(loaded.where("training.soft_min_snr_gamma"), what, "leave one of them out")
    for word, meant in MEANT.items():
        if getattr(training, word) and prediction not in (None, meant):
            what = f"`{word}` is for models that predict `{meant}`, and this one predicts `{prediction}`"
            yield Problem(loaded.where(f"training.{word}"), what, "leave it out")


def _timesteps(loaded: Loaded) -> Iterator[Problem]:
    settings = loaded.project.training.timesteps
    last = MOST_TIMESTEPS if settings.max is None else settings.max
    if settings.min >= last:
        what = f"no timestep is left from {settings.min} to below {last}"
        yield Problem(loaded.where("training.timesteps.min"), what, "write a `min` below `max`")
