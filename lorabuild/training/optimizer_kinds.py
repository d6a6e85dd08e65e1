"""One function an optimizer: parameter groups in, the optimizer out. The word in lora.yaml is the function's name.

Groups bring ``lr`` of their own; what is said here holds for all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
from typing import TYPE_CHECKING, Any, cast

import torch

from lorabuild.core.errors import ProjectError, StageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from torch.optim import Optimizer

    from lorabuild.schema import optimizer as words

Groups = list[dict[str, Any]]
PAPER_EPS = 1e-15
"""Squared, it is the ε₁ of Adafactor's paper."""
EIGHT_BITS = ("cuda", "cpu")
"""Where bitsandbytes is known to keep moments in eight bits."""


def adamw(settings: words.AdamW, groups: Groups) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019) in one kernel for all tensors: four times as fast as one call per operation."""
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
    )


def adamw8bit(settings: words.AdamW8bit, groups: Groups) -> Optimizer:
    """AdamW with moments in blocks of eight bits (Dettmers et al. 2022), from bitsandbytes; paged on CUDA alone."""
    device = groups[0]["params"][0].device
    if device.type not in EIGHT_BITS:
        raise StageError(
            f"adamw8bit needs an NVIDIA GPU or the CPU, and this training runs on {device.type}",
            where="lora.yaml training.optimizer.type",
            next_step="write `optimizer: {type: adamw}`, or `optimizer: {type: adafactor}`, which is small too",
        )
    library = _library("bitsandbytes", "adamw8bit", "pip install 'lorabuild[gpu]'")
    made = library.optim.AdamW8bit(
        groups,
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        is_paged=settings.paged and device.type == "cuda",
    )
    return cast("Optimizer", made)


def prodigy(settings: words.Prodigy, groups: Groups) -> Optimizer:
    """Prodigy (Mishchenko & Defazio 2023) from prodigyopt: AdamW with step d·lr.

    d grows towards the distance to the solution: d ← max(d, Σ d²·⟨g, x₀ - x⟩ / ‖Σ d² g‖₁).
    """
    library = _library("prodigyopt", "prodigy", "pip install prodigyopt")
    with _quiet():  # it prints a line about weight decay
        made = library.Prodigy(
            groups,
            lr=settings.lr,
            betas=settings.betas,
            beta3=settings.beta3,
            weight_decay=settings.weight_decay,
            d0=settings.d0,
            d_coef=settings.d_coef,
            growth_rate=settings.growth_rate or math.inf,
            decouple=settings.decouple,
            use_bias_correction=settings.use_bias_correction,
            safeguard_warmup=settings.safeguard_warmup,
        )
    return cast("Optimizer", made)


def prodigy_plus_schedule_free(settings: words.ProdigyPlusScheduleFree, groups: Groups) -> Optimizer:
    """Prodigy's d with Schedule-Free's average, a d for every group, StableAdamW's clipping: prodigyplus."""
    library = _library("prodigyplus", "prodigy_plus_schedule_free", "pip install prodigy-plus-schedule-free")
    given = settings.model_dump(exclude={"type"})
    with _quiet():
        made = _silent(library.ProdigyPlusScheduleFree)(groups, **given, stochastic_rounding=False)
    return cast("Optimizer", made)


def dadaptation(settings: words.DAdaptation, groups: Groups) -> Optimizer:
    """D-Adapted Adam (Defazio & Mishchenko 2023) from dadaptation: Adam with step d·lr, d a growing lower bound."""
    library = _library("dadaptation", "dadaptation", "pip install dadaptation")
    with _quiet():
        made = library.DAdaptAdam(
            groups,
            lr=settings.lr,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            decouple=settings.decouple,
            use_bias_correction=settings.use_bias_correction,
            d0=settings.d0,
            growth_rate=settings.growth_rate or math.inf,
        )
    return cast("Optimizer", made)


def lion(settings: words.Lion, groups: Groups) -> Optimizer:
    """Lion (Chen et al. 2023): steps of one size, by the sign of a momentum."""
    from lorabuild.training.lion import Lion

    return Lion(groups, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay)


def adafactor(settings: words.Adafactor, groups: Groups) -> Optimizer:
    """Adafactor (Shazeer & Stern 2018) of torch, with steps of min(lr, 1/√step)·max(ε₂, RMS of the weights).

    ε₂ = 1 makes that plain lr, since no adapter's weights have an RMS above 1. Updates are g / √(row · column moments).
    """
    return torch.optim.Adafactor(
        groups,
        lr=settings.lr,
        beta2_decay=-settings.decay,
        eps=(PAPER_EPS, 1e-3 if settings.relative else 1.0),
        d=settings.clip,
        weight_decay=settings.weight_decay,
    )


def adamw_schedule_free(settings: words.AdamWScheduleFree, groups: Groups) -> Optimizer:
    """Schedule-Free AdamW (Defazio et al. 2024): y = (1 - β₁) z + β₁ x is trained, x, the average of z, is kept."""
    library = _library("schedulefree", "adamw_schedule_free", "pip install schedulefree")
    made = library.AdamWScheduleFree(
        groups,
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup_steps,
        r=settings.r,
    )
    return cast("Optimizer", made)


def sgd(settings: words.SGD, groups: Groups) -> Optimizer:
    """Stochastic gradient descent with (Nesterov's) momentum (Sutskever et al. 2013)."""
    return torch.optim.SGD(
        groups,
        lr=settings.lr,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        weight_decay=settings.weight_decay,
    )


def custom(settings: words.Custom, groups: Groups) -> Optimizer:
    """A class by its import path; ``core.imported`` has run the project's own code before, with consent."""
    module, _, name = settings.class_.rpartition(".")
    found = getattr(_library(module, "custom", f"pip install {module.partition('.')[0]}"), name, None)
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        said = "has no" if found is None else "has no optimizer"
        raise ProjectError(
            f"{module} {said} {name}",
            where="lora.yaml training.optimizer.class",
            next_step="name a class that is a torch.optim.Optimizer",
        )
    try:
        return cast("Callable[..., Optimizer]", found)(groups, lr=settings.lr, **settings.arguments)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"{name} can't be made: {error}",
            where="lora.yaml training.optimizer.arguments",
            next_step="write what the class takes",
        ) from error


OPTIMIZERS: dict[str, Callable[[Any, Groups], Optimizer]] = {
    made.__name__: made
    for made in (
        adamw,
        adamw8bit,
        prodigy,
        prodigy_plus_schedule_free,
        dadaptation,
        lion,
        adafactor,
        adamw_schedule_free,
        sgd,
        custom,
    )
}


def _library(name: str, kind: str, next_step: str) -> ModuleType:
    """A library that only this optimizer needs."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise StageError(
            f"the optimizer {kind} needs the Python package {name}, which can't be imported here: {error}",
            where="lora.yaml training.optimizer.type",
            next_step=next_step,
        ) from error


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    """Some optimizers print while they are made; what this program prints is for other programs, too."""
    return contextlib.redirect_stdout(io.StringIO())


def _silent(kind: Any) -> Any:
    """The same class, which neither prints nor looks for other trainers' modules on the path."""

    class Silent(kind):  # type: ignore[misc]
        """What trains here."""

        def log(self, message: str) -> None:
            """Say nothing."""

        def try_hook_kohya_fbp(self) -> None:
            """Import nothing."""
            self.kohya_original_patch_adafactor_fused = None

    return Silent
