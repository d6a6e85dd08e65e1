"""The states of a training that pictures are drawn of: the ends of its epochs, and steps between them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.graph import balancing, course
from lorabuild.training.batches import epoch_steps, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.graph.view import View


class State(NamedTuple):
    """A state that the training leaves.

    Attributes:
        name: what its file is called among the train stage's outputs.
        epoch: the epoch that it ends, or that is under way at its step.
        step: optimizer steps since the start; 0 at an epoch's end.
        lora: digest of its file, once it is there.
    """

    name: str
    epoch: int
    step: int = 0
    lora: str | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """What of a picture's key says that it is this one."""
        return {"step": self.step} if self.step else {"epoch": self.epoch}


def states(view: View) -> list[State]:
    """The states that ``samples.every`` asks for, as far as they are kept, in the order in which they come."""
    trained, every = view.made("train").get("train"), view.project.samples.every
    found = [State(epoch_name(epoch), epoch) for epoch in epochs(view)]
    if every.isdigit():
        found = [*_steps(view, int(every)), found[-1]]
    outputs = trained.outputs if trained and not trained.problem else {}
    if not outputs:
        return found
    return [state._replace(lora=outputs[state.name]) for state in found if state.name in outputs]


def epochs(view: View) -> tuple[int, ...]:
    """The epochs that are drawn: of those that the training has come to, as many as are kept."""
    trained, kept = view.made("train").get("train"), view.project.training.keep_checkpoints
    last = trained.facts["epochs"] if trained else course.epochs(view.project)
    drawn = kept or last if view.project.samples.every == "epoch" else 1
    return tuple(range(max(1, last - drawn + 1), last + 1))


def epoch_name(epoch: int) -> str:
    """The name of an epoch's file among the train stage's outputs."""
    return f"epoch-{epoch:04d}"


def step_name(step: int) -> str:
    """The name of the file after so many optimizer steps."""
    return f"step-{step:08d}"


def _steps(view: View, every: int) -> list[State]:
    """Every so many steps but the very last, of those whose files are kept."""
    training, ends = view.project.training, _ends(view)
    kept = range(training.save_every or every, ends[-1] + 1, training.save_every or every)
    drawn = {*kept[-(training.keep_checkpoints or 0) :]}
    wanted = [step for step in range(every, ends[-1], every) if step in drawn]
    return [State(step_name(step), bisect_left(ends, step) + 1, step) for step in wanted]


def _ends(view: View) -> Sequence[int]:
    """Optimizer steps at the end of every epoch; as the budget plans them until the training's images are known."""
    training, number = view.project.training, course.epochs(view.project)
    for item in view.step("train").items:
        counted = epoch_steps(
            records(item.reads["records"]), number, training.batch, training.accumulation, training.seed
        )
        return [*accumulate(counted)]
    whole = balancing.table(view).steps.optimizer
    return [whole * (epoch + 1) // number for epoch in range(number)]
