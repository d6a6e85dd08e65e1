"""How much memory of an NVIDIA GPU is free, asked of its driver: without torch, in a few milliseconds."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

NAMES = ("nvml.dll",) if sys.platform == "win32" else ("libnvidia-ml.so.1",)


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def free_graphics_memory() -> int | None:
    """Free bytes of the GPU that has most of them; None where there is no driver, or no GPU."""
    for name in NAMES:
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            if library.nvmlInit_v2() == 0:
                try:
                    return _most(library)
                finally:
                    library.nvmlShutdown()
    return None


def _most(library: ctypes.CDLL) -> int | None:
    count, found = ctypes.c_uint(), []
    if library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return None
    for number in range(count.value):
        device, memory = ctypes.c_void_p(), _Memory()
        known = library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(device)) == 0
        if known and library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) == 0:
            found.append(int(memory.free))
    return max(found, default=None)
