"""Going on where a finished training ended, with more epochs: only where the result is that of training them all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.training.batches import warmup_steps
from lorabuild.training.schedules import schedule, text_encoders_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lorabuild.schema.training import Training
    from lorabuild.training.loop import Course


def take_over(
    folder: Path, course: Course, former: Mapping[str, Any], record: Mapping[str, Any], read: Callable[[str], bytes]
) -> str:
    """Make a folder as if the earlier epochs of the course had been trained in it, where they are the same.

    Args:
        folder: where nothing is saved yet.
        course: what is to be trained.
        former: ``outputs``, name → digest, of a finished training of the same course but for its epochs; its
            ``planned`` epochs; the ``steps`` that it did; the ``record`` of what it was done on.
        record: what this training is done on.
        read: gives the bytes of a digest.

    Returns:
        Why they are not the same; empty where they are.
    """
    from lorabuild.training.state import CHECKPOINTS, adopt

    if former["record"] != record:
        return "the shorter training was done on another kind of machine"
    why = difference(
        course.training, replace(course, epochs=former["planned"]).total(), course.total(), former["steps"]
    )
    if not why:
        made = former["outputs"]
        files = {name: read(digest) for name, digest in made.items() if name.startswith(CHECKPOINTS)}
        adopt(folder, read(made["state"]), files)
    return why


def difference(training: Training, before: int, after: int, done: int) -> str:
    """What makes the first ``done`` steps of a training of ``before`` steps another one than those of ``after``."""
    was, now = schedule(training.schedule, before), schedule(training.schedule, after)
    step = next((step for step in range(done) if was(step) != now(step)), None)
    if step is not None:
        kind = training.schedule.type
        return f"the {kind} schedule of {after} steps differs from that of {before} from step {step + 1} on"
    ends = [min(done, text_encoders_end(training, total)) for total in (before, after)]
    if ends[0] != ends[1]:
        return f"of {after} steps the text encoders stop at another one"
    warmups = [warmup_steps(training.token_warmup.steps, total) for total in (before, after)]
    return "" if warmups[0] == warmups[1] else f"of {after} steps captions grow over others"
