"""The optimizer over an adapter's parameters: its groups, their rates, and the weights that it would have saved."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.training.optimizer_kinds import OPTIMIZERS, Groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.optim import Optimizer

    from lorabuild.networks.adapter import Trained
    from lorabuild.networks.attach import Adapter
    from lorabuild.schema.training import Training

__all__ = ["OPTIMIZERS", "PARTS", "build", "rate", "resting", "set_factor", "stop_text_encoders"]

PARTS = ("unet", "text_encoder", "text_encoder_2")
ONE_RATE = ("prodigy", "dadaptation")


def part_lr(training: Training, part: str) -> float:
    """The learning rate of a part of the model; the second text encoder's is the first one's where none is written."""
    written = {
        "unet": [training.unet_lr],
        "text_encoder": [training.text_encoder_lr],
        "text_encoder_2": [training.text_encoder_2_lr, training.text_encoder_lr],
    }[part]
    return next(lr for lr in (*written, training.optimizer.lr) if lr is not None)


def groups(training: Training, trained: Iterable[Trained]) -> Groups:
    """One group per part, factor and side, in the order of the parameters; ``initial_lr`` is what the schedule scales.

    ``scale`` is what the group's rate is of its part's. A parameter with factor 0 stands still and gets no gradient.
    """
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for one in trained:
        scale = one.factor * ((training.loraplus_ratio or 1.0) if one.up else 1.0)
        if not scale:
            one.parameter.requires_grad_(False)
            continue
        lr = part_lr(training, one.part) * scale
        group = {"params": [], "part": one.part, "scale": scale, "lr": lr, "initial_lr": lr}
        found.setdefault((one.part, scale), group)["params"].append(one.parameter)
    return list(found.values())


def build(training: Training, adapter: Adapter) -> Optimizer:
    """The optimizer of these settings over what the adapter trains.

    Raises:
        ProjectError: nothing is trained, at the start or later; an optimizer that has one rate was given several.
        StageError: the optimizer can't run here.
    """
    made = groups(training, adapter.trained())
    if not made:
        raise ProjectError("no layer is trained", where="lora.yaml network", next_step="let some layer have a factor")
    if training.text_encoder_end is not None and not any(group["part"] == "unet" for group in made):
        raise ProjectError(
            "only text encoders are trained, so nothing would be left to train behind their end",
            where="training.text_encoder_end",
            next_step="leave it out, or let some layer of the U-Net have a factor",
        )
    kind = training.optimizer.type
    if kind in ONE_RATE and len({group["lr"] for group in made}) > 1:
        raise ProjectError(
            f"{kind} has one learning rate for everything that it trains",
            where="network",
            next_step="leave out the rates of parts, blocks and layers, or write `optimizer: {type: adamw}`",
        )
    optimizer = OPTIMIZERS[kind](training.optimizer, made)
    _switch(optimizer, "train")
    return optimizer


def set_factor(optimizer: Optimizer, factor: float) -> None:
    """Set every group's learning rate to ``factor`` times its initial one; groups that were stopped stay at 0."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0 if group.get("stopped") else group["initial_lr"] * factor


def rate(optimizer: Optimizer, part: str) -> float:
    """The step size that a part is trained with now, without the factors of blocks and sides; 0 if it isn't trained.

    Prodigy and its kin: d times lr; with a warm-up of the optimizer's own, the rate that it warmed up to.
    """
    for group in optimizer.param_groups:
        if group["part"] == part and not group.get("stopped"):
            return float((group.get("scheduled_lr") or group["lr"]) * _found(group) / group["scale"])
    return 0.0


def _found(group: dict[str, Any]) -> float:
    """The step size that an optimizer has found (d, beside k, the count of its steps); 1 where it finds none."""
    mean = group.get("split_groups_mean") and group.get("split_groups") and group.get("shared_d")
    return float(mean or (group["d"] if "d" in group and "k" in group else 1.0))


def stop_text_encoders(optimizer: Optimizer) -> None:
    """From now on the text encoders stand still, bit by bit: no gradient, no momentum, no weight decay.

    Doing it again changes nothing; a resumed training does it at its first step, if it is due.
    """
    for group in optimizer.param_groups:
        if group["part"] != "unet" and not group.get("stopped"):
            group["stopped"], group["lr"] = True, 0.0
            for parameter in group["params"]:
                parameter.grad = None  # optimizers pass over what has none
                parameter.requires_grad_(False)


@contextmanager
def resting(optimizer: Optimizer) -> Iterator[None]:
    """Inside, the parameters are those to save or to draw with; afterwards they are as before, bit by bit.

    Schedule-free optimizers train one point and keep another, the average; for the others nothing happens.
    """
    if not hasattr(optimizer, "eval"):
        yield
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    before = [parameter.detach().clone() for parameter in parameters]
    _switch(optimizer, "eval")
    try:
        yield
    finally:
        _switch(optimizer, "train")
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(value)


def _switch(optimizer: Any, mode: str) -> None:
    """Tell an optimizer that knows of it whether it trains or rests."""
    if hasattr(optimizer, mode):
        getattr(optimizer, mode)()
