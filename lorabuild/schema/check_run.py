"""Settings of a run that do not go together: arithmetic that a device hasn't, an end that nothing decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded


def run(loaded: Loaded) -> Iterator[Problem]:
    """Every pair of words about a run that can't both be meant."""
    training, device = loaded.project.training, loaded.project.device.type
    if training.precision == "fp16" and device in ("cpu", "mps"):
        what = f"fp16 is trained on CUDA only, and `device.type` is {device}"
        yield Problem(loaded.where("training.precision"), what, "write `precision: bf16`, or `fp32`")
    checked = training.validation
    if training.early_stop and checked and checked.every == "end":
        what = "`early_stop` looks at the validation loss of every epoch, and it is taken at the end only"
        yield Problem(loaded.where("training.validation.every"), what, "write `every: epoch`")
    yield from _epoch(loaded)
    if checked and loaded.project.slider:
        what = "a slider has no images, so none can be held out of it"
        yield Problem(loaded.where("training.validation"), what, "leave `validation` out")


def _epoch(loaded: Loaded) -> Iterator[Problem]:
    """An epoch to hand out that no training leaves."""
    project, wanted = loaded.project, loaded.project.output.epoch
    if wanted == "auto" and project.slider:
        what = "a slider has no images that its epochs could be like, so none can be chosen by that"
        yield Problem(loaded.where("output.epoch"), what, "write `epoch: last`, or a number")
    if not wanted.isdecimal() or project.slider:
        return
    last, kept = project.budget.epochs, project.training.keep_checkpoints or project.budget.epochs
    if not last - kept < int(wanted) <= last:
        left = f"{max(1, last - kept + 1)} to {last}"
        what = f"there is no epoch {wanted}: the training leaves epochs {left}"
        yield Problem(loaded.where("output.epoch"), what, f"write `epoch: {last}`, `last` or `auto`")
