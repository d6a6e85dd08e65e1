"""The training loop. It sees looks, an objective and an adapter; it knows no family, no loss, no file and no path."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lorabuild.core.ahead import DEPTH, ahead
from lorabuild.core.errors import StageError
from lorabuild.training import optimizers
from lorabuild.training.batches import Batch, Record, epoch_batches, epoch_steps, windows
from lorabuild.training.device import thread_begin
from lorabuild.training.logs import Row, by_concept, smoothed
from lorabuild.training.moving import Moving, scaler
from lorabuild.training.passes import Passes
from lorabuild.training.schedules import schedule, text_encoders_end
from lorabuild.training.state import epoch_name, step_name
from lorabuild.training.stopping import interruptible, stopped_early
from lorabuild.training.together import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from accelerate import Accelerator
    from torch import Tensor

    from lorabuild.networks.attach import Adapter
    from lorabuild.schema.training import Training
    from lorabuild.training.objective import Objective
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State
    from lorabuild.training.together import Team
    from lorabuild.training.validation import Validation

    Limit = Callable[[Adapter, float], int]

NAMED = 8
LEAST_SCALE = 2.0**-14
"""The smallest normal number of fp16: gradients that overflow even when scaled by it are infinite."""


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

    def is_checked(self, epoch: int) -> bool:
        """Whether validation follows an epoch (from 0)."""
        wanted = self.training.validation
        return wanted is not None and (wanted.every == "epoch" or epoch + 1 == self.epochs)

    def is_over(self, state: State) -> bool:
        """Whether nothing is left to train: all epochs are done, or ``early_stop`` says that they are enough."""
        return state.epoch >= self.epochs or stopped_early(self.training, state.rows, state.epoch)


def train(
    course: Course,
    objective: Objective,
    adapter: Adapter,
    state: State,
    device: Accelerator,
    progress: Progress,
    team: Team = ALONE,
    *,
    limit: Limit | None = None,
    validation: Validation | None = None,
) -> None:
    """Train from where ``state`` stands to the end of the course; every epoch leaves its file in the state's folder.

    ``limit`` holds the adapter's changes within ``max_norm`` and answers how many it scaled down; ``validation``
    measures it. Raises ``StageError`` when the loss is no longer a number, or when nothing fits into memory; what was
    saved before stays.
    """
    settings, total = course.training, course.total()
    moving = Moving(settings, adapter, scaler(settings, device.device))
    factor, end = schedule(settings.schedule, total), text_encoders_end(settings, total)
    state.begin(moving, {record.concept for record in course.records}, settings.keep_checkpoints)
    passes, begin = Passes(objective, moving, state, progress.note, team), thread_begin(device.device)
    progress.start()
    with interruptible(here=team.is_first) as stop:
        while not course.is_over(state):
            wanted = list(enumerate(course.windows(state.epoch)[state.window :], state.step))
            with closing(ahead(passes.prepare, wanted, DEPTH if begin else 0, begin=begin)) as coming:
                for (number, window), made in coming:
                    optimizers.set_factor(moving.optimizer, factor(number))
                    if number >= end:
                        optimizers.stop_text_encoders(moving.optimizer)
                    losses = passes.backward((number, window), made)
                    values = torch.cat([losses, measured(moving, settings.max_grad_norm)]).tolist()
                    check_finite(values, window, state, moving)
                    moving.step(number)
                    scaled = limit(adapter, settings.max_norm) if limit and settings.max_norm else math.nan
                    state.advance(_row(state, moving, window, values, scaled))
                    progress.step(state.rows[-1], len(losses))
                    if settings.save_every and state.step % settings.save_every == 0:
                        state.keep(step_name(state.step), moving)
                        progress.kept(step_name(state.step), state.folder)
                    if stop.number or state.is_due(settings.save_state_every):
                        state.save(moving)
                    stop.leave()
            team.compare(moving.parameters)
            if validation and course.is_checked(state.epoch):
                state.validated(validation.loss(moving, state.step))
                progress.validated(state.rows[-1])
            state.end_epoch(moving)
            progress.kept(epoch_name(state.epoch), state.folder)


def measured(moving: Moving, limit: float) -> Tensor:
    """Norms of the gradients, then scaled down to ``limit`` (0: not at all), and of the parameters: ``[2]``."""
    if moving.scaler:
        moving.scaler.unscale_(moving.optimizer)
    norm = torch.nn.utils.clip_grad_norm_(moving.parameters, limit or math.inf)
    weights = torch.nn.utils.get_total_norm([parameter.detach() for parameter in moving.parameters])
    return torch.stack([norm, weights])


def check_finite(values: Sequence[float], window: Sequence[Batch], state: State, moving: Moving) -> None:
    """Raise ``StageError`` when a loss, or a norm (they stand last), is not a finite number.

    Scaled gradients may be infinite: then the step is passed over and the scale halved, down to ``LEAST_SCALE``.
    """
    *losses, norm, weights = values
    sound = all(map(math.isfinite, [*losses, weights]))
    if sound and (math.isfinite(norm) or (moving.scaler and moving.scaler.get_scale() > LEAST_SCALE)):
        return
    looks = [look for batch in window for look in batch]
    bad = [look for look, value in zip(looks, losses, strict=True) if not math.isfinite(value)] or looks
    names = _listed(sorted({look.record.id for look in bad}))
    kept = f"; the {state.epoch} finished epochs stay in {state.folder}" if state.epoch else ""
    what = f"{'the gradient' if sound else 'the loss'} is no longer a number"
    raise StageError(
        f"{what} at step {state.step + 1} (epoch {state.epoch + 1}), with {names}{kept}",
        where="training",
        next_step="lower training.optimizer.lr, or write `precision: fp32`; look at the image if it is always the same",
    )


def _listed(names: Sequence[str]) -> str:
    """Names as a person reads them: eight at most, then how many more."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _row(state: State, moving: Moving, window: Sequence[Batch], values: Sequence[float], scaled: float) -> Row:
    """The log's line of the step that was just done, from its losses and the two norms behind them."""
    *losses, norm, weights = values
    loss = math.fsum(losses) / len(losses)
    unet, first, second = (optimizers.rate(moving.optimizer, part) for part in optimizers.PARTS)
    return Row(
        step=state.step + 1,
        epoch=state.epoch + 1,
        loss=loss,
        loss_mean=smoothed(state.rows, loss),
        lr=unet,
        lr_text_encoder=first,
        grad_norm=norm,
        lr_text_encoder_2=second,
        weight_norm=weights,
        scaled=scaled,
        concepts=by_concept([look for batch in window for look in batch], losses, state.concepts),
    )
