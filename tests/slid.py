"""A slider on the example's base, between `small` and `big`, and how large the creatures are that it draws."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from drawn import SCENES, SHAPES, SKINS
from judge import scores

from lorabuild.models import device, family, source
from lorabuild.networks import attach
from lorabuild.publish import file
from lorabuild.schema.load import load

BASE = Path(__file__).parents[1] / "example_project" / "base"
SETTINGS = """\
name: size
kind: slider
base: {model: base}
slider:
  targets:
    - {target: 1creature, positive: "1creature, big", negative: "1creature, small", guidance: 1.5}
  steps: 60
  every: 30
  strengths: [-2, -1, 0, 1, 2]
  denoise: {steps: 6}
images: {resolution: 64}
network: {dim: 4, alpha: 4}
training:
  optimizer: {lr: 2.5e-3}
  schedule: {type: constant}
  train: unet
  precision: fp32
samples: {cfg: 4, steps: 12, every: end, prompts: ["1creature, round_body, red_skin, plain"]}
device: {type: cpu, threads: 1}
"""
STEPS, CFG, BATCH = 12, 4.0, 6


def make(root: Path) -> Path:
    """A slider project that was never built."""
    shutil.copytree(BASE, root / "base")
    (root / "lora.yaml").write_text(SETTINGS, "utf-8")
    return root


def prompts(count: int) -> list[str]:
    """Creatures of all kinds, of no said size."""
    return [
        f"1creature, {SHAPES[number % 5]}_body, {SKINS[number % 6]}_skin, {SCENES[(5 * number + number // 6) % 6]}"
        for number in range(count)
    ]


class Ruler:
    """A slider's LoRA on its base, and the judge's opinion of what is drawn with it."""

    def __init__(self, root: Path, lora: bytes) -> None:
        loaded = load(root)
        self.project = loaded.project
        chosen = device.pick(self.project.device)
        self.model = family.load(source.locate(loaded.site), self.project.base, family.PARTS, chosen, device.FULL)
        layers = self.model.layers(("unet",), convolutions=attach.wants_convolutions(self.project.network))
        self.adapter = attach.attach(layers, self.project.network, 0)
        self.adapter.load_state({name: tensor.float() for name, tensor in file.load(lora).items()})

    def draw(self, strength: float, count: int, first_seed: int) -> np.ndarray:
        """uint8 [count, 64, 64, 3]; prompts and seeds count upwards."""
        self.adapter.multiplier = strength
        made = self.model.sample(
            prompts(count),
            negatives=[""] * count,
            seeds=list(range(first_seed, first_seed + count)),
            steps=STEPS,
            cfg=CFG,
            width=64,
            height=64,
            batch=BATCH,
        )
        return np.stack([np.asarray(one) for one in made])

    def size(self, strength: float, count: int = 12, first_seed: int = 500) -> tuple[float, float]:
        """How many of the pictures the judge calls big, and by how much on the average (score of big - of small)."""
        found = scores(self.draw(strength, count, first_seed))["size"]
        margins = found[:, 1] - found[:, 0]
        return float(np.mean(margins > 0)), float(np.mean(margins))
