"""What a training will take, before hours are spent on it: memory and disk, by arithmetic alone (no torch here).

Frozen weights and what is trained are counted exactly. Activations are estimated from the shapes of the weights: every
layer keeps about ``KEPT`` times what it puts out, at the resolution of its block. On a CPU what is trained is in memory
three times over while a state is saved, on top of the activations that were freed before: freed memory stays with the
process, in pieces (``core/heap``).
"""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lorabuild.core.amounts import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.schema.training import Training

Shape = tuple[int, ...]

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
REMEMBERED = {
    "adamw": 8.0,
    "adamw8bit": 2.1,
    "prodigy": 16.0,
    "prodigy_plus_schedule_free": 9.0,
    "dadaptation": 12.0,
    "lion": 4.0,
    "adafactor": 0.2,
    "adamw_schedule_free": 8.0,
    "sgd": 4.0,
}
"""Bytes that an optimizer keeps for each parameter beside it."""
UNKNOWN = 8.0
KEPT = {"cpu": 3.5, "cuda": 2.0}
"""On CUDA 1.92 to 1.98, measured with fused attention on full-size U-Nets of two families, 512 to 1024 pixels. On a CPU
2.1 to 3.1 with what goes back through the layers and the gaps between (``benchmarks/RESULTS.md``, 1 and 4 images)."""
CHECKPOINTED = 0.25
"""Of that: what stands at the ends of blocks (0.08 to 0.16), and one block under way."""
LIBRARIES = {"cpu": 560 << 20, "cuda": 900 << 20}
"""What torch, diffusers and the context of a GPU take."""
COPIES = {"cpu": 2, "cuda": 0}
"""How often a state is copied while it is saved: tensor by tensor, and as a file; on a GPU in the computer's memory."""
TOKENS = 77
COMPILERS = ("g++", "clang++", "cl")
LARGEST = 0.95
"""The share of what is free that may be taken."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes of memory, by what takes them; ``activations`` are those without gradient checkpointing."""

    weights: int
    trained: int
    activations: int
    libraries: int

    def ahead(self) -> Needs:
        """What is still to come when the model is loaded."""
        return replace(self, weights=0, libraries=0)

    def total(self, *, checkpointing: bool) -> int:
        """All of it."""
        share = CHECKPOINTED if checkpointing else 1.0
        return self.weights + self.trained + self.libraries + int(self.activations * share)


def memory(
    training: Training, frozen: int, learned: int, outputs: int, *, device: str, largest: int | None = None
) -> Needs:
    """The memory of a training.

    Args:
        training: the settings.
        frozen: parameters of the parts of the model that are loaded.
        learned: parameters that are trained.
        outputs: what all layers put out for one image, in numbers.
        device: ``cpu``, ``cuda`` or ``mps``.
        largest: images in the largest batch; default the whole batch.
    """
    state = 4 + REMEMBERED.get(training.optimizer.type, UNKNOWN) + (4 if training.ema else 0)
    size, place = BYTES[training.precision], "cpu" if device == "cpu" else "cuda"
    images = training.batch if largest is None else largest
    return Needs(
        weights=frozen * size,
        trained=int(learned * (4 + state + COPIES[place] * state)),
        activations=int(KEPT[place] * outputs * images * size),
        libraries=LIBRARIES[place],
    )


def unable(training: Training, device: str) -> str | None:
    """What this training asks for that the device hasn't; None where it has all."""
    if training.compile and (tool := _lacking(device)):
        return f"`training.compile` needs {tool}, which isn't found here: install it, or leave `compile` out"
    if device == "cuda":
        return None
    if training.precision == "fp16":
        return f"fp16 is trained on CUDA only, and this training runs on {device}: write `precision: fp32`, or `bf16`"
    if training.optimizer.type == "adamw8bit" and device != "cpu":
        return f"adamw8bit needs an NVIDIA GPU or the CPU, not {device}: write `optimizer: {{type: adamw}}`"
    return None


def _lacking(device: str) -> str | None:
    """What torch.compile builds with and this machine hasn't, as far as that can be told without torch."""
    if device == "cuda":
        return None if find_spec("triton") else "triton"
    return None if any(map(shutil.which, COMPILERS)) else "a C++ compiler such as g++"


def disk(training: Training, learned: int, epochs: int, steps: int) -> int:
    """Bytes that checkpoints and states take, while they are made and where they are kept."""
    extra = REMEMBERED.get(training.optimizer.type, UNKNOWN) + (4 if training.ema else 0)
    most = training.keep_checkpoints or math.inf
    saves = steps // training.save_every if training.save_every else 0
    files = int(min(epochs, most) + min(saves, most))
    state = int(learned * (4 + extra)) + 120 * steps
    return 2 * files * learned * 4 + 4 * state  # once where they are made, once in the store; two states, one half made


def outputs(shapes: Mapping[str, Shape], width: int, height: int) -> int:
    """What the layers of a U-Net put out for one image of latents ``width`` by ``height``, in numbers.

    ``shapes``: name → shape of its weights, as diffusers or the original checkpoints name them.
    """
    levels = 1 + max((_level(name, 0) for name in shapes), default=0)
    return sum(
        shape[0] * _places(name, _level(name, levels), width, height)
        for name, shape in shapes.items()
        if name.endswith(".weight") and len(shape) > 1 and not _OF_TIME.search(name)
    )


_OF_TIME = re.compile(r"time_emb|add_emb|label_emb|emb_layers")
_OF_TEXT = re.compile(r"attn2\.to_[kv]\.")
_DOWN = re.compile(r"down_blocks\.(\d+)|input_blocks\.(\d+)")
_UP = re.compile(r"up_blocks\.(\d+)|output_blocks\.(\d+)")
_MIDDLE = re.compile(r"mid_block|middle_block")
_IN_LEVEL = 3  # blocks of a level in the original's count


def _level(name: str, levels: int) -> int:
    """How often the picture was halved where a layer works; upper blocks are told once ``levels`` is known."""
    if down := _DOWN.search(name):
        return int(down[1]) if down[1] else int(down[2]) // _IN_LEVEL
    if levels and (up := _UP.search(name)):
        return max(0, levels - 1 - (int(up[1]) if up[1] else int(up[2]) // _IN_LEVEL))
    return levels - 1 if levels and _MIDDLE.search(name) else 0


def _places(name: str, level: int, width: int, height: int) -> int:
    if _OF_TEXT.search(name):
        return TOKENS
    halved = 1 << level
    return -(-width // halved) * -(-height // halved)


def checkpointing(training: Training, needs: Needs, free: int | None) -> bool:
    """Whether activations are computed twice: as is written, else where all of them don't fit into what is free."""
    if training.gradient_checkpointing != "auto":
        return training.gradient_checkpointing == "always"
    return free is not None and needs.total(checkpointing=False) > free * LARGEST


def too_much(training: Training, needs: Needs, free: int | None, device: str) -> str:
    """The sentence for a training that will probably not fit into memory; empty where it will."""
    checked = checkpointing(training, needs, free)
    wanted = needs.total(checkpointing=checked)
    if free is None or wanted <= free * LARGEST:
        return ""
    more = "" if needs.weights else " more"
    where = "this GPU" if device == "cuda" else "this machine"
    hint = "" if checked else "write `gradient_checkpointing: auto`, or "
    return (
        f"training will take about {shown(wanted)}{more} of memory, and {shown(free)} are free on {where}: {hint}"
        f"lower training.batch (now {training.batch}; `accumulation` makes up for it), images.resolution or network.dim"
    )


def too_full(wanted: int, free: int | None) -> str:
    """The sentence for files that will probably not fit on the disk; empty where they will."""
    if free is None or wanted <= free * LARGEST:
        return ""
    return (
        f"checkpoints will take about {shown(wanted)}, and the disk has {shown(free)}: write `keep_checkpoints: 3`, "
        "lower network.dim, or make room (`lorabuild gc`)"
    )


def elements(shape: Shape) -> int:
    """Numbers in a tensor of this shape."""
    return math.prod(shape)


def trained_of(shapes: Iterable[Shape], dim: int) -> int:
    """Parameters of low-rank adapters on layers of these shapes: dim · (inputs + outputs)."""
    return sum(dim * (shape[0] + math.prod(shape[1:])) for shape in shapes)
