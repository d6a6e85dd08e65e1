"""The device layer: accelerate, opened anew for every training so that one can't colour the next."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState

from lorabuild.core.errors import StageError

if TYPE_CHECKING:
    from lorabuild.schema.device import Device

MOST_THREADS = 8
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def threads(settings: Device) -> int:
    """CPU threads: what is written, else all cores that this process may use but at most 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings.threads or min(usable, MOST_THREADS)


def open_device(settings: Device, precision: str) -> Accelerator:
    """An accelerator on the wanted device, with pinned threads and the same kernels for the same shapes.

    Raises ``StageError`` where the device or its bf16 arithmetic is missing.
    """
    _check_present(settings.type)
    torch.set_num_threads(threads(settings))
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    GradientState._reset_state()  # noqa: SLF001 - accelerate keeps one state per process and has no public way to end it
    AcceleratorState._reset_state(True)  # noqa: FBT003, SLF001 - likewise, with the device state below it
    mixed = "bf16" if precision == "bf16" else "no"
    try:
        return Accelerator(cpu=settings.type == "cpu", mixed_precision=mixed, gradient_accumulation_steps=1)
    except ValueError as error:
        raise StageError(
            f"this device has no bf16 arithmetic: {error}", where="training.precision", next_step="write `precision: fp32`"
        ) from error


def _check_present(wanted: str) -> None:
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(wanted, True):
        raise StageError(
            f"there is no {wanted} device on this machine", where="device.type", next_step="write `type: auto` or `--device cpu`"
        )


def record(accelerator: Accelerator, precision: str) -> dict[str, str | int]:
    """On what the training ran; bytes are promised only between equal records."""
    name = torch.cuda.get_device_name(accelerator.device) if accelerator.device.type == "cuda" else platform.machine()
    return {
        "device": accelerator.device.type,
        "name": name,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
