"""LoCon: LoRA on residual and resampling blocks too, with a rank of its own for kernels above 1x1."""

from __future__ import annotations

from lorabuild.networks.lora import make

__all__ = ["CONVOLUTIONS", "make"]

CONVOLUTIONS = True
