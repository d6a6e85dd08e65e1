"""How long a person waits for the first training step when every cache is warm: ours beside the standard trainer.

    PYTHONPATH=. python benchmarks/start.py [--rounds 3] [--size 256] [--channels 64 128 256 256]
        [--standard CHECKOUT --standard-python PYTHON]

The model is that of ``step.py`` (``--channels 0`` is SD1.5 in its real size), as safetensors on the
disk. ``ours`` is the whole of ``lorabuild build train`` on a project whose pictures, captions, latents and texts are
cached, from the start of the process; the standard trainer finds its latents cached on the disk. Two ends: where the
first step begins (the U-Net is called), and where it is done, less what the quickest step takes. One thread, float32.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).parent))

import step

PACKAGE = Path(__file__).resolve().parent.parent
SETTINGS = """name: start
base: {{model: {base}}}
concepts: {{a: {{folder: pictures, repeats: 1}}}}
images: {{resolution: {size}}}
budget: {{epochs: 1}}
training: {{train: unet, precision: fp32, batch: 1, seed: {seed}}}
device: {{type: cpu, threads: 1}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--channels", type=int, nargs="+", default=(64, 128, 256, 256))
    parser.add_argument("--standard", type=Path)
    parser.add_argument("--standard-python", default=sys.executable)
    wishes = parser.parse_args()
    wishes.threads, wishes.batch, wishes.steps, wishes.set = 1, 1, 2, []
    wishes.device, wishes.precision, wishes.family = "cpu", "fp32", "sd15"
    with tempfile.TemporaryDirectory() as folder:
        wishes.folder = Path(folder)
        step.make(wishes)
        project(wishes, seed=0)
        build(wishes.folder, "text")
        begins: dict[str, list[float]] = {}
        ends: dict[str, list[float]] = {}
        for number in range(wishes.rounds):
            project(wishes, seed=1 + number)
            note("ours", build(wishes.folder, "train"), begins, ends)
            if wishes.standard:
                answer = step.run("standard", wishes)
                note("standard", (answer["begun"], answer["first"] - min(answer["wall"])), begins, ends)
    for name, waits in begins.items():
        begun, done = spread(waits), spread(ends[name])
        print(f"{name}: {begun} until the first step begins, {done} until it is done, less a step")


def note(name: str, found: tuple[float, float], begins: dict[str, list[float]], ends: dict[str, list[float]]) -> None:
    """Write a round's two ends down."""
    for where, seconds in zip((begins, ends), found, strict=True):
        where.setdefault(name, []).append(seconds)


def spread(seconds: list[float]) -> str:
    """The median, and from the least to the most."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def project(wishes: argparse.Namespace, seed: int) -> None:
    """A project beside the base; another seed trains anew and caches nothing anew."""
    pictures = wishes.folder / "pictures" / "1_a"
    if not (wishes.folder / "own").exists():
        shutil.copytree(pictures, wishes.folder / "own" / "pictures")
    text = SETTINGS.format(base=wishes.folder / "base", size=wishes.size, seed=seed)
    (wishes.folder / "own" / "lora.yaml").write_text(text)


def build(folder: Path, target: str) -> tuple[float, float]:
    """Seconds from the start of a build to where its first training step begins, and to its end, less a step."""
    room = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "HF_HUB_OFFLINE": "1"}
    room.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-m", "lorabuild", "-C", os.fspath(folder / "own"), "build", target, "--json"]
    began = time.monotonic()
    steps, took = [], 0.0
    with subprocess.Popen(words, env=room, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            event = json.loads(line)
            if event.get("stage") == "train" and event.get("event") == "progress":
                steps.append(time.monotonic() - began)
                took = took or 1 / event["rate"]
    if running.returncode:
        sys.exit(f"lorabuild build {target} ended with {running.returncode}")
    if not steps:
        return 0.0, 0.0
    return steps[0] - took, steps[0] - min(later - before for before, later in pairwise(steps))


if __name__ == "__main__":
    main()
