"""The device layer: accelerate, opened anew for every training so that one can't colour the next."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState

from lorabuild.core.errors import StageError
from lorabuild.core.machine import available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lorabuild.schema.training import Training

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MIXED = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def dtype(training: Training) -> torch.dtype:
    """What the frozen model computes in; adapters and their optimizer stay float32."""
    return DTYPES[training.precision]


def open_device(device: torch.device, precision: str) -> Accelerator:
    """An accelerator on a device that was chosen before. Raises ``StageError`` where it hasn't this arithmetic.

    The loop scales its losses itself (a window's batches differ in size), so accelerate accumulates nothing.
    """
    GradientState._reset_state()  # noqa: SLF001 - accelerate keeps one state a process and has no public way to end it
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 - likewise
    if precision == "fp16" and device.type != "cuda":
        raise StageError(
            f"fp16 is trained on CUDA only, and this device is {device.type}",
            where="training.precision",
            next_step="write `precision: fp32`, or `bf16` where that is fast",
        )
    try:
        opened = Accelerator(cpu=device.type == "cpu", mixed_precision=MIXED[precision], gradient_accumulation_steps=1)
    except ValueError as error:
        raise StageError(
            f"this {device.type} device has no {precision} arithmetic",
            where="training.precision",
            next_step="write `precision: fp32`",
        ) from error
    assert opened.device.type == device.type, f"accelerate chose {opened.device}, not {device}"
    return opened


def thread_begin(device: torch.device) -> Callable[[], None] | None:
    """What a new thread does first: it takes the GPU that this thread has taken, for each begins with the first one."""
    return partial(torch.cuda.set_device, torch.cuda.current_device()) if device.type == "cuda" else None


def imitated(device: torch.device, precision: str) -> str:
    """The sentence for arithmetic that this GPU hasn't (bf16, before compute capability 8): torch imitates it."""
    if device.type != "cuda" or precision != "bf16" or torch.cuda.is_bf16_supported(including_emulation=False):
        return ""
    return "this GPU has no bf16 and imitates it slowly: write `precision: fp16`"


def free_memory(device: torch.device) -> int | None:
    """Bytes that may still be taken: of the GPU, else of the machine; None where that isn't told."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return available() if device.type == "cpu" else None


def same_bits(device: torch.device, training: Training) -> bool:
    """Whether a training gives the same bits again here; of other devices, and compiled on a GPU, that isn't known."""
    return device.type == "cpu" or (device.type == "cuda" and training.deterministic and not training.compile)


@contextmanager
def kernels(device: torch.device, *, deterministic: bool) -> Iterator[None]:
    """Train on CUDA with kernels that give the same bits again, or with the fastest; afterwards all is as before.

    The workspace of cuBLAS is set where the process starts (``cli.main``). Raises ``StageError`` where an operation has
    no deterministic kernel: a warning isn't enough, for then the backward of attention stays as it was.
    """
    cudnn = torch.backends.cudnn
    memory: Any = torch.utils.deterministic  # its one word is a property of the module, which types don't know
    algorithms = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    before = cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory
    if device.type == "cuda":
        torch.use_deterministic_algorithms(deterministic)
        # nothing here reads memory before it is written, so filling it would only cost time
        cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory = deterministic, not deterministic, False
    try:
        yield
    except RuntimeError as error:
        if not (deterministic and "deterministic" in str(error)):
            raise
        raise StageError(
            f"a part of this training can't be done with the same bits each time: {str(error).partition('. ')[0]}",
            where="training.deterministic",
            next_step="write `deterministic: false`; the LoRA is as good, but no two trainings give the same bytes",
        ) from error
    finally:
        torch.use_deterministic_algorithms(algorithms[0], warn_only=algorithms[1])
        cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory = before
