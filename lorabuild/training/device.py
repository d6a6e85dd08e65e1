"""The device layer: accelerate, opened anew for every training so that one can't colour the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState

from lorabuild.core.errors import StageError

if TYPE_CHECKING:
    from lorabuild.schema.training import Training

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def dtype(training: Training) -> torch.dtype:
    """What the frozen model computes in; adapters and their optimizer stay float32."""
    return DTYPES[training.precision]


def open_device(device: torch.device, precision: str) -> Accelerator:
    """An accelerator on a device that was chosen before. Raises ``StageError`` where it has no bf16 arithmetic.

    The loop scales its losses itself (a window's batches differ in size), so accelerate accumulates nothing.
    """
    GradientState._reset_state()  # noqa: SLF001 - accelerate keeps one state a process and has no public way to end it
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 - likewise
    mixed = "bf16" if precision == "bf16" else "no"
    try:
        opened = Accelerator(cpu=device.type == "cpu", mixed_precision=mixed, gradient_accumulation_steps=1)
    except ValueError as error:
        raise StageError(
            f"this {device.type} device has no bf16 arithmetic",
            where="training.precision",
            next_step="write `precision: fp32`",
        ) from error
    assert opened.device.type == device.type, f"accelerate chose {opened.device}, not {device}"
    return opened
