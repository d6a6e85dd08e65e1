"""The record of a result: on what it was made. Bytes are promised, and compared, only between equal records."""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("torch", "diffusers", "transformers", "onnxruntime", "numpy", "pillow", "safetensors")


def make_record(device: str, dtype: str, threads: int, packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """What may change the last bits of a result: where, in which numbers, on how many threads, by which versions.

    The caller names device (``cpu``, ``cuda NVIDIA H200``) and dtype, so that nothing heavy is imported here.
    """
    return {
        "device": device,
        "dtype": dtype,
        "threads": threads,
        "machine": machine(),
        "versions": {name: version(name) for name in packages},
    }


@functools.cache
def version(package: str) -> str | None:
    """The installed version of a package; None when it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


@functools.cache
def machine() -> str:
    """The kind of machine, not which one: system, architecture and, where it is told, the model of the processor."""
    return " ".join(part for part in (platform.system(), platform.machine(), _processor()) if part)


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as told:
            names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    except OSError:
        return platform.processor()
    return names[0] if names else ""
