"""The training loop. It sees looks, an objective and an adapter; it knows no family, no loss, no file and no path."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lorabuild.core.errors import StageError
from lorabuild.training import optimizers
from lorabuild.training.batches import Batch, Record, epoch_batches, epoch_steps, windows
from lorabuild.training.schedules import schedule
from lorabuild.training.state import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accelerate import Accelerator
    from torch.optim import Optimizer

    from lorabuild.networks.attach import Adapter
    from lorabuild.schema.training import Training
    from lorabuild.training.objective import Objective
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State

SMOOTHED, NAMED = 100, 8


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be trained: the same course gives the same result."""

    records: Sequence[Record]
    epochs: int
    training: Training

    def total(self) -> int:
        """Optimizer steps of the whole course."""
        settings = self.training
        return sum(epoch_steps(self.records, self.epochs, settings.batch, settings.accumulation, settings.seed))

    def windows(self, epoch: int) -> list[Sequence[Batch]]:
        """The batches of every optimizer step of an epoch (from 0)."""
        batches = epoch_batches(self.records, epoch, self.training.batch, self.training.seed)
        return windows(batches, self.training.accumulation)


def train(
    course: Course, objective: Objective, adapter: Adapter, state: State, device: Accelerator, progress: Progress
) -> None:
    """Train from where ``state`` stands to the end of the course; every epoch leaves its file in the state's folder.

    Raises ``StageError`` when the loss is no longer a number; what was saved before stays.
    """
    settings = course.training
    parts = {part: list(adapter.parameters(part)) for part in optimizers.PARTS}
    parameters = [tensor for members in parts.values() for tensor in members]
    optimizer = optimizers.build(settings, parts)
    factor = schedule(settings.schedule, course.total())
    state.restore(adapter, optimizer)
    progress.start()
    for epoch in range(state.epoch, course.epochs):
        for window in course.windows(epoch)[state.window :]:
            optimizers.set_factor(optimizer, factor(state.step))
            images = sum(len(looks) for looks in window)
            parted = [backward(objective, looks, state.step, images, device) for looks in window]
            norm = device.clip_grad_norm_(parameters, settings.max_grad_norm or math.inf)
            values = torch.cat([*parted, norm.reshape(1)]).tolist()
            check_finite(values, window, epoch + 1, state)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            state.advance(_row(state, optimizer, epoch + 1, math.fsum(values[:-1]) / images, values[-1]))
            progress.step(state.rows[-1], images)
            if state.is_due(settings.save_state_every):
                state.save(adapter, optimizer)
        state.end_epoch(adapter, optimizer)


def backward(objective: Objective, looks: Batch, step: int, images: int, device: Accelerator) -> Tensor:
    """Gradients of one batch; returns the weighted loss of every sample ``[B]``, detached.

    The gradients are those of the mean over the ``images`` of the whole window, so accumulated small batches equal one
    large batch whatever their sizes.
    """
    distances = objective(looks, step)
    device.backward(distances.sum() / images)
    return distances.detach()


def check_finite(values: Sequence[float], window: Sequence[Batch], epoch: int, state: State) -> None:
    """Raise ``StageError`` when a loss, or the gradient norm that stands last, is not a finite number."""
    if all(map(math.isfinite, values)):
        return
    looks = [look for batch in window for look in batch]
    bad = [look for look, value in zip(looks, values, strict=False) if not math.isfinite(value)] or looks
    names = _listed(sorted({look.record.id for look in bad}))
    kept = f"; the {state.epoch} finished epochs stay in {state.folder}" if state.epoch else ""
    raise StageError(
        f"the loss is no longer a number at step {state.step + 1} (epoch {epoch}), with {names}{kept}",
        where="training",
        next_step="lower training.optimizer.lr, or write `precision: fp32`; look at the image if it is always the same",
    )


def _listed(names: Sequence[str]) -> str:
    """Names as a person reads them: eight at most, then how many more."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _row(state: State, optimizer: Optimizer, epoch: int, loss: float, norm: float) -> Row:
    """The log's line of the step that was just done; ``loss_mean`` is over the last 100 steps."""
    recent = [row.loss for row in state.rows[1 - SMOOTHED :]] + [loss]
    unet, text_encoder = (optimizers.rate(optimizer, part) for part in optimizers.PARTS)
    return Row(state.step + 1, epoch, loss, math.fsum(recent) / len(recent), unet, text_encoder, norm)
