"""``device:`` where the work is done. Nothing here changes a key."""

from __future__ import annotations

from typing import Literal

from lorabuild.schema.section import Section, runtime_only


class Device(Section):
    """Where the work is done."""

    type: Literal["auto", "cpu", "cuda", "mps"] = runtime_only("auto", "Device; `auto` takes cuda, then mps, then cpu.")
    threads: int | None = runtime_only(
        None,
        "CPU threads of torch and onnxruntime, and processes that read pictures; default: all cores but at most 8.",
        ge=1,
        le=256,
        examples=[4],
    )
    batch: int = runtime_only(
        8,
        "Images at once through tagger, VAE and sampler; the latter two take fewer where a GPU's memory runs out.",
        ge=1,
        le=1024,
    )
