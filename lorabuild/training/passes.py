"""The passes of an optimizer step, forward and backward; in smaller pieces where memory runs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.core.errors import StageError
from lorabuild.core.trouble import out_of_memory
from lorabuild.training.together import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lorabuild.training.batches import Batch, Look
    from lorabuild.training.moving import Moving
    from lorabuild.training.objective import Objective
    from lorabuild.training.state import State
    from lorabuild.training.together import Team

Made = list[list[tuple[int, Any]]]
"""Of each batch of a window its pieces: how many images, and what was prepared of them."""


@dataclass(slots=True)
class Passes:
    """Gradients of windows.

    Attributes:
        objective: what is made small.
        moving: what is trained.
        state: remembers how many images fit at once.
        say: takes a code and a sentence.
        team: who shares the work.
    """

    objective: Objective
    moving: Moving
    state: State
    say: Callable[[str, str], None]
    team: Team = ALONE

    def prepare(self, wanted: tuple[int, Sequence[Batch]]) -> Made:
        """This process's share of a window at an optimizer step (from 0), in pieces that fit; may run in a thread."""
        step, window = wanted
        return [
            [(len(piece), self.objective.prepare(piece, step)) for piece in self._pieces(looks)] for looks in window
        ]

    def backward(self, wanted: tuple[int, Sequence[Batch]], made: Made) -> Tensor:
        """Gradients of the mean loss over all images of a window; the loss of each ``[images]``, detached.

        However a window is cut into batches and these into pieces, the mathematics is the same. Raises ``StageError``
        where not even one image fits into memory.
        """
        images = sum(len(looks) for looks in wanted[1])
        if self.state.at_once and any(number > self.state.at_once for pieces in made for number, _ in pieces):
            made = self.prepare(wanted)  # prepared ahead, before that was known
        while True:
            try:
                mine = [self._batch(pieces, images) for pieces in made]
                break
            except Exception as error:
                if not out_of_memory(error):
                    raise
                self._halve(wanted[1], error)
            for parameter in self.moving.parameters:
                parameter.grad = None
            torch.cuda.empty_cache()
            made = self.prepare(wanted)
        losses = torch.cat([self.team.gather(values) for values in mine])
        self.team.sum_gradients(self.moving.parameters)
        return losses

    def _batch(self, pieces: list[tuple[int, Any]], images: int) -> Tensor:
        scaler, values = self.moving.scaler, []
        for _, prepared in pieces:
            distances = self.objective.measure(prepared)
            loss = distances.sum() / images
            scaled: Tensor = scaler.scale(loss) if scaler else loss
            torch.autograd.backward(scaled)
            values.append(distances.detach())
        device = self.moving.parameters[0].device
        return torch.cat(values) if values else torch.zeros(0, device=device)

    def _pieces(self, looks: Sequence[Look]) -> list[Sequence[Look]]:
        share = self.team.share(looks)
        size = self.state.at_once or len(share)
        return [share[start : start + size] for start in range(0, len(share), max(1, size))]

    def _halve(self, window: Sequence[Batch], error: Exception) -> None:
        """Half as many images at once from now on, said once for each size."""
        most = max(len(piece) for looks in window for piece in self._pieces(looks))
        if most == 1:
            raise StageError(
                "not even one image at once fits into the memory of this device",
                where="training",
                next_step="write `training.gradient_checkpointing: true`, a smaller images.resolution or network.dim",
            ) from error
        self.state.at_once = most // 2
        self.say("memory", f"{most} images at once don't fit into memory; they go {most // 2} at once, the same sums")
