"""LoRA steps of real-size models on a GPU: images a second and peak memory, ours beside the diffusers + peft loop.

    PYTHONPATH=. python benchmarks/gpu.py [--precision bf16] [--minutes 9] [--family sd15 --family sdxl]
        [--batch 1 --batch 4 --batch 8 --batch 16] [--only ours --only peft …]
    PYTHONPATH=. python benchmarks/gpu.py --small --device cpu --batch 1

Models have the layouts of Stable Diffusion 1.5 (512 pixels) and XL (1024) with random weights; latents and hidden
states are cached, a rank 16 LoRA sits on the linear layers, AdamW moves it: the contenders are those of ``step.py``.
Every row is a process of its own, so that one that runs out of memory is a row, too. Time is wall time, the median of
``--steps`` steps after two that aren't counted; the first step, from the start of its process, holds what compiling
costs, with nothing compiled before. What isn't done within ``--minutes`` is left out and said. ``--small`` has narrow
models of 128 pixels, for any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, os.fspath(Path(__file__).parent))

import step

PIXELS = {"sd15": 512, "sdxl": 1024}
SMALL = {"sd15": (32, 64, 64, 64), "sdxl": (32, 32, 64)}
CHECKPOINTING = "training.gradient_checkpointing"
ROWS: dict[str, tuple[str, list[str]]] = {
    "ours": ("ours", [f"{CHECKPOINTING}=false"]),
    "peft": ("peft", []),
    "ours, checkpointing auto": ("ours", [f"{CHECKPOINTING}=auto"]),
    "ours, compiled": ("ours", [f"{CHECKPOINTING}=false", "training.compile=true"]),
    "ours, compiled, checkpointing auto": ("ours", [f"{CHECKPOINTING}=auto", "training.compile=true"]),
    "ours, compiled, not deterministic": (
        "ours",
        [f"{CHECKPOINTING}=false", "training.compile=true", "training.deterministic=false"],
    ),
}
HEADS = ("family", "pixels", "batch", "", "s a step", "images/s", "peak MB", "first step, s")


def main() -> None:
    wishes = _wishes()
    end = time.monotonic() + 60 * wishes.minutes
    print(f"{_machine(wishes)}, {wishes.precision}\n\n| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        models = [_made(wishes, family, Path(folder) / family) for family in wishes.family]
        for told in wishes.only:
            for batch in wishes.batch:
                for model in models:
                    row(model, batch, told, end)


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16", help="fp32, bf16 or fp16")
    parser.add_argument("--family", action="append", choices=PIXELS)
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--only", action="append", choices=ROWS, help="this kind of row, and others that are named so")
    parser.add_argument("--small", action="store_true")
    wishes = parser.parse_args()
    wishes.family, wishes.batch = wishes.family or list(PIXELS), wishes.batch or [1, 4, 8, 16]
    wishes.only = wishes.only or list(ROWS)
    return wishes


def _machine(wishes: argparse.Namespace) -> str:
    import torch

    name = torch.cuda.get_device_name() if wishes.device == "cuda" else wishes.device
    return f"{name}, torch {torch.__version__}"


def _made(wishes: argparse.Namespace, family: str, folder: Path) -> argparse.Namespace:
    """A family's model in a folder, as ``step.py`` wants to be told of it."""
    asked = argparse.Namespace(**vars(wishes) | {"family": family}, folder=folder, standard=None, set=[])
    asked.size, asked.channels = (128, SMALL[family]) if wishes.small else (PIXELS[family], (0,))
    asked.threads, asked.batch = os.cpu_count() if wishes.device == "cuda" else 1, 1
    answer = step.process("make", asked)
    if answer.returncode:
        sys.exit(answer.stderr[-6000:])
    return asked


def row(asked: argparse.Namespace, batch: int, told: str, end: float) -> None:
    """Train in a process of its own, and print what came of it."""
    contender, settings = ROWS[told]
    asked.batch, asked.set = batch, settings
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(dir=asked.folder)
    found = [asked.family, asked.size, batch, told, *_measured(contender, asked, end - time.monotonic())]
    print(f"| {' | '.join(map(str, found))} |", flush=True)


def _measured(contender: str, asked: argparse.Namespace, left: float) -> list[Any]:
    """Seconds a step, images a second, memory, seconds to the first step; or why there are none."""
    if left <= 0:
        return ["no time left", "", "", ""]
    try:
        answer = step.process(contender, asked, limit=left)
    except subprocess.TimeoutExpired:
        return ["no time left", "", "", ""]
    if answer.returncode:
        lines = [line for line in answer.stderr.splitlines() if line.strip()]
        short = "out of memory" if "OutOfMemory" in answer.stderr or "fits into" in answer.stderr else lines[-1]
        return [short.replace("|", "/"), "", "", ""]
    said = json.loads(answer.stdout.splitlines()[-1])
    seconds = statistics.median(said["wall"])
    return [f"{seconds:.3f}", f"{asked.batch / seconds:.2f}", f"{said['memory']:.0f}", f"{said['first']:.1f}"]


if __name__ == "__main__":
    main()
