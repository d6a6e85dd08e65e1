"""The one place that chooses a device, pins its threads, and fixes how many pictures go through it at once."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from lorabuild.core import heap
from lorabuild.core.errors import ProjectError
from lorabuild.core.record import machine
from lorabuild.core.trouble import out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lorabuild.schema.device import Device

T = TypeVar("T")
FULL = torch.float32  # what everything that is cached is computed in
MOST_THREADS = 8
CPU_ROWS = 4  # small pictures go four at once through a CPU …
CPU_PIXELS = 256 * 256  # … but no more than this many pixels: above it a batch gains nothing and only pads


def pick(settings: Device, processes: int = 1) -> torch.device:
    """The device of ``device:``, with CPU threads pinned and reproducible kernels. Raises ``ProjectError``.

    So many ``processes`` of this machine, which work at the same time, share its threads.
    """
    torch.set_num_threads(max(1, threads(settings) // processes))
    kind = best() if settings.type == "auto" else settings.type
    if not available(kind):
        raise ProjectError(
            f"`{kind}` is asked for, but torch {torch.__version__} finds no such device here",
            where="device.type",
            next_step="write `type: auto`, give --device cpu, or install the torch build for your GPU",
        )
    if kind == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    elif kind == "cpu":
        heap.keep()
    return torch.device(kind)


@contextmanager
def apart() -> Iterator[None]:
    """Whatever device is picked in here: threads and kernels are as before afterwards, and its memory is free again."""
    cudnn, number = torch.backends.cudnn, torch.get_num_threads()
    algorithms = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    before = cudnn.deterministic, cudnn.benchmark
    try:
        yield
    finally:
        torch.set_num_threads(number)
        torch.use_deterministic_algorithms(algorithms[0], warn_only=algorithms[1])
        cudnn.deterministic, cudnn.benchmark = before
        gc.collect()
        torch.cuda.empty_cache()  # does nothing where CUDA wasn't used


def threads(settings: Device) -> int:
    """CPU threads: as set, else all cores but at most eight."""
    return settings.threads or min(os.cpu_count() or 1, MOST_THREADS)


def best() -> str:
    """``cuda``, else ``mps``, else ``cpu``."""
    return next(kind for kind in ("cuda", "mps", "cpu") if available(kind))


def available(kind: str) -> bool:
    """Whether torch can use a device of this kind."""
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or (kind == "mps" and torch.backends.mps.is_available())


def layout(device: torch.device) -> torch.memory_format:
    """How the kernels of convolutions lie in memory: channels last for the tensor cores of CUDA, else as they were."""
    return torch.channels_last if device.type == "cuda" else torch.preserve_format


def drawing(device: torch.device) -> torch.dtype:
    """What judging samples are drawn in: half precision on CUDA, as people draw there; float32 elsewhere."""
    return torch.float16 if device.type == "cuda" else FULL


def rows(device: torch.device, pixels: int, batch: int = 8) -> int:
    """How many pictures of ``pixels`` (width · height) a forward pass takes: always exactly these, the last padded.

    The last bits of a convolution depend on the batch's shape (measured), so a CPU's shape follows from the picture's
    size alone; a GPU takes ``batch`` and records it.
    """
    if device.type == "cpu":
        return max(1, min(CPU_ROWS, CPU_PIXELS // pixels))
    return batch


def padded(items: Sequence[T], count: int) -> Iterator[tuple[list[T], int]]:
    """Groups of exactly ``count``, the last filled up with its last member, and how many of each are wanted."""
    for start in range(0, len(items), count):
        group = list(items[start : start + count])
        yield group + [group[-1]] * (count - len(group)), len(group)


class Rows:
    """How many pictures go through a device at once: as is set, halved where a GPU's memory runs out.

    Attributes:
        batch: so many on a GPU; a CPU's number follows from their size.
        record: on what results are made now.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, batch: int) -> None:
        self.device, self.batch = device, batch
        self.record = record(device, dtype, batch)

    def of(self, pixels: int) -> int:
        """How many of ``pixels`` each go through now."""
        return rows(self.device, pixels, self.batch)

    def each(
        self, items: Sequence[T], pixels: int, do: Callable[[Sequence[T]], None], say: Callable[[str], None]
    ) -> None:
        """Do all in groups that fit; a group that didn't has left nothing behind. ``say`` is told of smaller ones."""
        start = 0
        while start < len(items):
            group = items[start : start + self.of(pixels)]
            try:
                do(group)
                start += len(group)
                continue
            except Exception as error:
                if not out_of_memory(error) or self.device.type == "cpu" or self.batch == 1:
                    raise
            torch.cuda.empty_cache()
            say(f"{self.batch} pictures at once don't fit into memory; they go {self.batch // 2} at once")
            self.batch //= 2
            self.record = {**self.record, "batch": self.batch}


def record(device: torch.device, dtype: torch.dtype, batch: int = 8) -> dict[str, Any]:
    """On what a floating-point result was made; bytes are promised only between equal records."""
    made: dict[str, Any] = {
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "diffusers": version("diffusers"),
        "transformers": version("transformers"),
    }
    if device.type == "cpu":
        capability = torch.backends.cpu.get_cpu_capability()
        return made | {"threads": torch.get_num_threads(), "cpu": capability, "machine": machine()}
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return made | {"name": name, "batch": batch}
