"""What torch finds on this machine, as JSON. ``doctor`` runs it as a process of its own: a broken torch is told so."""

from __future__ import annotations

import json
from typing import Any

import torch


def survey() -> dict[str, Any]:
    """``torch``, its version; ``devices`` [{kind, name, total, free}] with bytes of memory where they are told."""
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "devices": [*_cuda(), *_mps()]}


def _cuda() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        return []
    found = []
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        found.append({"kind": "cuda", "name": torch.cuda.get_device_name(number), "total": total, "free": free})
    return found


def _mps() -> list[dict[str, Any]]:
    if not torch.backends.mps.is_available():
        return []
    total = torch.mps.recommended_max_memory()
    return [{"kind": "mps", "name": "Apple GPU", "total": total, "free": total - torch.mps.driver_allocated_memory()}]


if __name__ == "__main__":
    print(json.dumps(survey()))
