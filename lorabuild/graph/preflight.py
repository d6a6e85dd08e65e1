"""What the training ahead will take of memory and disk, from the headers of the model's files: no weight is read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.graphics import free_graphics_memory
from lorabuild.core.machine import available, room
from lorabuild.graph import balancing
from lorabuild.graph.course import epochs
from lorabuild.training import preflight

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lorabuild.graph.view import View
    from lorabuild.training.preflight import Shape

HEADER_MOST = 100 << 20
LOADED = ("unet", "text_encoder", "text_encoder_2")
ADAPTED = ("attn", "ff.net", "proj_in", "proj_out", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "mlp")
SINGLE = {"unet": ("model.diffusion_model.",), "text_encoder": ("cond_stage_model.", "conditioner.")}
"""Where the parts of an original checkpoint stand."""


def counted(view: View) -> dict[str, int]:
    """``frozen``, parameters that are loaded; ``outputs`` of the U-Net's layers for the largest bucket.

    A slider's layers put out twice as much: each look is answered at strength 1 and at -1 before gradients are taken.
    """
    shapes, slider = _shapes(view), view.project.slider
    width, height = max(balancing.every_size(view), key=lambda size: size[0] * size[1])
    if slider:
        width = height = max(target.resolution or view.project.images.resolution for target in slider.targets)
    factor = view.inventory.base.vae_factor
    return {
        "frozen": sum(preflight.elements(shape) for found in shapes.values() for shape in found.values()),
        "outputs": preflight.outputs(shapes["unet"], width // factor, height // factor) * (2 if slider else 1),
    }


def warnings(view: View) -> list[dict[str, str]]:
    """What probably can't be or doesn't fit, before a training that is to be done: ``device``, ``memory``, ``disk``."""
    step = view.step("train")
    if step.clean:
        return []
    training, told = view.project.training, counted(view)
    device, free = _device(view)
    learned = _learned(view)
    needs = preflight.memory(training, told["frozen"], learned, told["outputs"], device=device)
    if view.project.samples.during:  # the base once more, in the type that it draws in
        needs = replace(needs, weights=needs.weights + told["frozen"] * (2 if device == "cuda" else 4))
    files = preflight.disk(training, learned, epochs(view.project), balancing.table(view).steps.optimizer)
    place = room(view.store.folder)
    found = {
        "device": preflight.unable(training, device),
        "memory": preflight.too_much(training, needs, free, device),
        "disk": preflight.too_full(files, place[0] if place else None),
    }
    return [{"code": code, "item": "train", "text": text} for code, text in found.items() if text]


def _device(view: View) -> tuple[str, int | None]:
    """Where the training will probably run, and the memory that is free there."""
    kind = view.project.device.type
    if kind in ("auto", "cuda"):
        free = free_graphics_memory()
        if free is not None or kind == "cuda":
            return "cuda", free
    return ("cpu", available()) if kind != "mps" else ("mps", None)


def _learned(view: View) -> int:
    """About how many parameters the network has: low-rank factors on the layers that it sits on by name."""
    words: Any = view.project.network
    dim, training = getattr(words, "dim", None) or 16, view.project.training
    parts = LOADED if training.train == "both" else ("unet",) if training.train == "unet" else LOADED[1:]
    shapes = _shapes(view)
    found = (shapes[part].items() for part in parts if part in shapes)
    layers = [shape for part in found for name, shape in part if len(shape) > 1 and any(one in name for one in ADAPTED)]
    return preflight.trained_of(layers, dim)


def _shapes(view: View) -> dict[str, dict[str, Shape]]:
    """Part → name of a tensor → its shape, for the parts that a training loads."""
    return view.derived("shapes of the model", _read_shapes)


def _read_shapes(view: View) -> dict[str, dict[str, Shape]]:
    base, training = view.inventory.base, view.project.training
    wanted = LOADED if training.train != "unet" else ("unet",)
    found: dict[str, dict[str, Shape]] = {}
    for part in wanted:
        files = [path for path in base.files.get(part, ()) if path.suffix == ".safetensors"]
        if files and base.kind == "file":
            if part in SINGLE:
                found[part] = {name: shape for name, shape in _headers(files).items() if name.startswith(SINGLE[part])}
        elif files:
            found[part] = _headers(files)
    return {"unet": {}, **found}


def _headers(files: Iterable[Path]) -> dict[str, Shape]:
    """Names and shapes of the tensors in safetensors files; nothing of a file that is none."""
    found: dict[str, Shape] = {}
    for path in files:
        found |= {name: tuple(entry["shape"]) for name, entry in _header(path).items() if "shape" in entry}
    return found


def _header(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 2 <= length <= min(HEADER_MOST, os.fstat(opened.fileno()).st_size):
                return {}
            header = json.loads(opened.read(length))
    except (OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}
