"""Optimizers over the adapter's parameters, one group per part; the word in lora.yaml is the function's name."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, cast

import torch

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.nn import Parameter
    from torch.optim import Optimizer

    from lorabuild.schema.optimizer import AdamW, Prodigy
    from lorabuild.schema.training import Training

PARTS = ("unet", "text_encoder")
Groups = list[dict[str, Any]]


def part_lr(training: Training, part: str) -> float:
    """The learning rate of ``unet`` or ``text_encoder``; the optimizer's own where none is written."""
    written = training.unet_lr if part == "unet" else training.text_encoder_lr
    return training.optimizer.lr if written is None else written


def check(training: Training) -> None:
    """Raise ``ProjectError`` for words that don't go together."""
    rates = {part_lr(training, part) for part in PARTS}
    if training.optimizer.type == "prodigy" and training.train == "both" and len(rates) > 1:
        raise ProjectError(
            "prodigy has one learning rate for everything that it trains",
            where="lora.yaml training.unet_lr, training.text_encoder_lr",
            next_step="remove unet_lr and text_encoder_lr, or write `optimizer: {type: adamw}`",
        )


def groups(training: Training, parameters: dict[str, list[Parameter]]) -> Groups:
    """One parameter group per part that has parameters; ``initial_lr`` is what the schedule scales."""
    return [
        {"params": members, "part": part, "lr": part_lr(training, part), "initial_lr": part_lr(training, part)}
        for part, members in parameters.items()
        if members
    ]


def adamw(settings: AdamW, parameters: Groups) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019) in one kernel for all tensors: four times as fast as one call per operation."""
    return torch.optim.AdamW(
        parameters, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
    )


def prodigy(settings: Prodigy, parameters: Groups) -> Optimizer:
    """Prodigy (Mishchenko & Defazio 2023) from prodigyopt."""
    from prodigyopt import Prodigy as Implementation

    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line about weight decay
        made = Implementation(
            parameters,
            lr=settings.lr,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            d_coef=settings.d_coef,
            decouple=settings.decouple,
            use_bias_correction=settings.use_bias_correction,
            safeguard_warmup=settings.safeguard_warmup,
        )
    return cast("Optimizer", made)


OPTIMIZERS: dict[str, Callable[[Any, Groups], Optimizer]] = {"adamw": adamw, "prodigy": prodigy}


def build(training: Training, parameters: dict[str, list[Parameter]]) -> Optimizer:
    """The optimizer of these settings over ``part → parameters``."""
    check(training)
    return OPTIMIZERS[training.optimizer.type](training.optimizer, groups(training, parameters))


def set_factor(optimizer: Optimizer, factor: float) -> None:
    """Set every group's learning rate to ``factor`` times its initial one."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def rate(optimizer: Optimizer, part: str) -> float:
    """The step size that a part is trained with now (Prodigy: d times lr); 0 where the part isn't trained."""
    for group in optimizer.param_groups:
        if group["part"] == part:
            return float(group["lr"] * group.get("d", 1.0))
    return 0.0
