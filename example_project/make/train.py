"""What both trainings of the base share: counted randomness, pools of drawings, averages, checkpoints, processes."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from PIL import Image

CHUNK = 32
"""Pictures are made and encoded in fixed groups of this many, so that a resumed pool equals an undisturbed one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training runs: device, and which of how many processes this one is."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process speaks and saves."""
        return self.rank == 0


def find_place(device: str) -> Place:
    """`auto` takes CUDA when there is one. Under `torchrun` the processes find one another here."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if name == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Place(torch.device(name))
    dist.init_process_group("nccl" if name == "cuda" else "gloo")
    return Place(torch.device(name), dist.get_rank(), world)


def rng_of(*numbers: int) -> random.Random:
    """Randomness that depends on the numbers given and on nothing else."""
    return random.Random(":".join(map(str, numbers)))


def generator_of(*numbers: int) -> torch.Generator:
    """The same for tensors; always on the CPU, so that noise is equal on every device."""
    return torch.Generator().manual_seed(rng_of(*numbers).getrandbits(63))


def pixels_of(images: Iterable[Image.Image]) -> torch.Tensor:
    """Pictures as uint8 [n, 3, height, width]."""
    return torch.from_numpy(np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2).copy())


def to_signed(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 0-255 to float -1..1."""
    return pixels.float() / 127.5 - 1


class Pool:
    """A window of `size` items that slides `fresh` items a step along an endless numbered stream.

    `make(numbers)` returns one stacked tensor for `CHUNK` numbers; `notes` may hold anything beside it.
    """

    def __init__(self, make: Callable[[list[int]], tuple[torch.Tensor, list[Any]]], size: int, fresh: float) -> None:
        self.make, self.size, self.fresh = make, max(CHUNK, size // CHUNK * CHUNK), fresh
        self.end = -1
        self.tensors: torch.Tensor | None = None
        self.notes: list[Any] = [None] * self.size

    def slide_to(self, step: int) -> None:
        """Bring the window to where it belongs at `step`."""
        start = int(step * self.fresh) // CHUNK * CHUNK
        first = start if self.end < 0 else self.end
        for number in range(first, start + self.size, CHUNK):
            made, notes = self.make(list(range(number, number + CHUNK)))
            if self.tensors is None:
                self.tensors = made.new_zeros((self.size, *made.shape[1:]))
            slot = number % self.size
            self.tensors[slot : slot + CHUNK] = made
            self.notes[slot : slot + CHUNK] = notes
        self.end = start + self.size

    def take(self, count: int, rng: random.Random) -> tuple[torch.Tensor, list[Any]]:
        """`count` random items: tensor [count, ...] and their notes."""
        chosen = [rng.randrange(self.size) for _ in range(count)]
        assert self.tensors is not None
        return self.tensors[chosen], [self.notes[index] for index in chosen]


class Average:
    """An exponential moving average of a model's parameters, slow to start: decay min(limit, (1+n)/(10+n))."""

    def __init__(self, parameters: list[torch.nn.Parameter], limit: float) -> None:
        self.parameters, self.limit = parameters, limit
        self.shadow = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after `step`."""
        decay = min(self.limit, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def copy_to_model(self) -> None:
        """Overwrite the model with its average."""
        for parameter, average in zip(self.parameters, self.shadow, strict=True):
            parameter.copy_(average)


def share_gradients(parameters: list[torch.nn.Parameter], place: Place) -> None:
    """Average the gradients over all processes, in one message."""
    if place.world == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient) / place.world)


def spread_times(count: int, generator: torch.Generator) -> torch.Tensor:
    """One random timestep out of each of `count` equal slices of 0-999."""
    return ((torch.arange(count) + torch.rand(count, generator=generator)) * (1000 / count)).long().clamp(max=999)


def falling_rate(step: int, steps: int, peak: float, hold: float) -> float:
    """Learning rate: 150 steps of warm-up, `peak` until the share `hold` of all steps, then linearly to 1 %."""
    rise = min(1.0, (step + 1) / min(150, max(1, steps // 10)))
    fall = max(0.0, (step / steps - hold) / (1 - hold))
    return peak * rise * (1 - 0.99 * fall)


def adamw(parameters: list[torch.nn.Parameter], beta2: float = 0.99) -> torch.optim.AdamW:
    """AdamW with decay on matrices only."""
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, beta2), fused=True)


@dataclass
class Run:
    """One training's state on disk: weights, their average, the optimizer and how far it is."""

    model: torch.nn.Module
    average: Average
    optimizer: torch.optim.Optimizer
    file: Path
    steps: int
    step: int = 0
    started: float = 0.0

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one of this length."""
        self.started = time.monotonic()
        if not self.file.exists():
            return
        state = torch.load(self.file, map_location=next(self.model.parameters()).device, weights_only=True)
        if state["steps"] != self.steps:
            raise SystemExit(f"{self.file} belongs to a run of {state['steps']} steps; delete it or ask for that many")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.shadow = state["average"]
        self.step = state["step"]

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        partial = self.file.with_suffix(".partial")
        torch.save(state | {"average": self.average.shadow, "steps": self.steps}, partial)
        partial.replace(self.file)

    def take_step(self, loss: torch.Tensor, place: Place, rate: float) -> None:
        """Backward, clip at 1, step, average."""
        parameters = self.average.parameters
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        share_gradients(parameters, place)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.step += 1
        self.average.update(self.step)

    def note(self, place: Place, losses: list[float], every: int) -> None:
        """Print how far it is, and save, every `every` steps and at the end."""
        if self.step % every and self.step != self.steps:
            return
        if place.is_first:
            seconds = time.monotonic() - self.started
            mean = sum(losses) / max(1, len(losses))
            print(f"{self.file.stem} {self.step}/{self.steps} loss {mean:.4f} after {seconds:.0f} s", flush=True)
            self.save()
        losses.clear()
