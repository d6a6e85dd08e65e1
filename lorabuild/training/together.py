"""Several processes train as one: each takes its share of every batch, the gradients are summed, all stay equal.

What is random about a look is counted from the look, so the result is that of one process but for the order in which
floating-point numbers are added. Every rank takes the same optimizer step from the same sum; only the first one writes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

import torch
import torch.distributed as processes
from torch import Tensor

from lorabuild.core.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")
PATIENCE, PAUSE = timedelta(minutes=30), 0.05


class Team(Protocol):
    """The processes that train one course.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
    """

    rank: int
    size: int

    @property
    def is_first(self) -> bool:
        """Whether this process writes states, files and events; no other one may."""
        ...

    def share(self, looks: Sequence[T]) -> Sequence[T]:
        """What this process computes of a batch; nothing where the batch is smaller than the team."""
        ...

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Make every parameter's gradient the sum over the team; one without a gradient anywhere keeps none."""
        ...

    def gather(self, values: Tensor) -> Tensor:
        """The values ``[B]`` of a whole batch, in the batch's order, from each one's values ``[b]`` of its share."""
        ...

    def agree(self, value: float) -> float:
        """What the first one says, for decisions that not everyone can take alone (a clock, a signal)."""
        ...

    def compare(self, parameters: Iterable[Tensor]) -> None:
        """Raise ``StageError`` where the members no longer hold the same numbers."""
        ...


class Alone:
    """A team of one: nothing is dealt out, nothing is copied."""

    rank, size, is_first = 0, 1, True

    def share(self, looks: Sequence[T]) -> Sequence[T]:
        """All of it."""
        return looks

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """They are the sum."""

    def gather(self, values: Tensor) -> Tensor:
        """The values themselves."""
        return values

    def agree(self, value: float) -> float:
        """The value itself."""
        return value

    def compare(self, parameters: Iterable[Tensor]) -> None:
        """They are what they are."""


ALONE: Team = Alone()


class Several:
    """A team over a joined process group; every method is called by every rank, in the same order.

    What is small goes through gloo on the CPU, also beside CUDA: so a member that ended while it computed is noticed
    by an error here, and not by an NCCL kernel that waits for it.
    """

    def __init__(self, rank: int, size: int) -> None:
        """``rank`` of ``size`` (≥ 1) members of the group that this process has joined."""
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def share(self, looks: Sequence[T]) -> Sequence[T]:
        """Every ``size``-th, from ``rank`` on."""
        return looks[self.rank :: self.size]

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Two collectives whatever the number of parameters: who has a gradient, and one flat sum."""
        members = list(parameters)
        held = torch.tensor([float(member.grad is not None) for member in members])
        _summed(held)
        wanted = [member for member, holders in zip(members, held.tolist(), strict=True) if holders]
        if not wanted:
            return
        flat = torch.cat([_gradient(member).reshape(-1) for member in wanted])
        _summed(flat)
        parts = torch.split(flat, [member.numel() for member in wanted])
        for member, part in zip(wanted, parts, strict=True):
            member.grad = part.view_as(member).to(member.dtype)

    def gather(self, values: Tensor) -> Tensor:
        """The shares, put back between one another."""
        mine = values.detach().float().cpu()
        lengths = torch.zeros(self.size, dtype=torch.int64)
        lengths[self.rank] = len(mine)
        _summed(lengths)
        whole = torch.zeros(int(lengths.sum()))
        whole[self.rank :: self.size] = mine
        _summed(whole)  # every place has one giver; all others add nothing
        return whole.to(values.device)

    def agree(self, value: float) -> float:
        """What rank 0 says."""
        said = torch.tensor([value if self.is_first else 0.0], dtype=torch.float64)
        _summed(said)
        return float(said)

    def compare(self, parameters: Iterable[Tensor]) -> None:
        """Two collectives over all of them; once an epoch is cheap insurance against unlike machines."""
        flat = torch.cat([member.detach().float().reshape(-1) for member in parameters])
        low, high = flat.clone(), flat
        _summed(low, processes.ReduceOp.MIN)
        _summed(high, processes.ReduceOp.MAX)
        if not torch.equal(low, high):
            raise StageError(
                f"the {self.size} processes came to different numbers from the same sums",
                where="training",
                next_step="train on machines of one kind, or with one process",
            )


class LostError(StageError):
    """A member of the team is gone."""


def _summed(values: Tensor, how: processes.ReduceOp.RedOpType = processes.ReduceOp.SUM) -> None:
    """All members' values, added in place. Raises ``LostError`` when a member doesn't answer."""
    try:
        processes.all_reduce(values, how)
    except RuntimeError as error:
        said = str(error).partition(". ")[0].partition("] ")[2] or str(error)
        raise LostError(f"the training lost one of its processes: {said}", where="training") from error


def _gradient(parameter: Tensor) -> Tensor:
    """A parameter's gradient in float32; zeros where this share gave none."""
    if parameter.grad is None:
        return torch.zeros_like(parameter, dtype=torch.float32)
    return parameter.grad.float()


def backend(device: torch.device) -> str:
    """What sums: gloo on the CPU, NCCL between GPUs where torch has it (on Windows it has not), else gloo for both."""
    return "cpu:gloo,cuda:nccl" if device.type == "cuda" and processes.is_nccl_available() else "gloo"


@contextmanager
def joined(store: Store, rank: int, size: int, device: torch.device, watch: Callable[[], None]) -> Iterator[Team]:
    """The team of ``size`` processes that meet in a store, while this one is ``rank`` of it on its own device.

    ``watch`` is called again and again while others are missing: it raises when they won't come. Raises ``LostError``.
    """
    if size == 1:
        yield ALONE
        return
    store.add("present", 1)
    while store.add("present", 0) < size:
        watch()
        time.sleep(PAUSE)
    try:
        processes.init_process_group(backend(device), store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except RuntimeError as error:
        raise LostError(f"the {size} processes can't talk to one another: {error}", where="training") from error
    try:
        yield Several(rank, size)
    finally:
        processes.destroy_process_group()
