"""Draws with the example's base and a LoRA through our own rooms, and lets the judge say what is seen."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from judge import is_new_creature, judge

from lorabuild.models import device, family, source
from lorabuild.networks import attach
from lorabuild.publish import file
from lorabuild.schema.load import load

if TYPE_CHECKING:
    from pathlib import Path

SCENES = ("plain", "grass", "night", "beach", "sunset", "room")
SIZES = ("small", "big")
SHAPES = ("round", "square", "triangle", "star", "ghost")
SKINS = ("red", "yellow", "green", "blue", "purple", "white")
STEPS, CFG, BATCH = 20, 4.0, 8
TRIGGER, OUTFIT = "zorbl", "zorbl_cape"


@dataclass(frozen=True)
class Asked:
    """One picture: what is prompted, and what should be seen."""

    prompt: str
    wanted: dict[str, str]


def with_trigger(count: int, *, cape: bool) -> list[Asked]:
    """Prompts for the new creature; scene, size and limbs vary evenly."""
    settings = itertools.cycle(itertools.product(SCENES, SIZES, (False, True)))
    return [_asked([TRIGGER, *([OUTFIT] if cape else [])], *next(settings)) for _ in range(count)]


def without_trigger(count: int) -> list[Asked]:
    """Prompts for creatures that the base knows."""
    found = []
    for number in range(count):
        shape, skin = SHAPES[number % 5], SKINS[number % 6]
        words = ["1creature", f"{shape}_body", f"{skin}_skin"]
        scene, size, limbs = SCENES[(number * 5 + number // 6) % 6], SIZES[number // 3 % 2], number // 2 % 2 == 1
        asked = _asked(words, scene, size, limbs)
        found.append(Asked(asked.prompt, asked.wanted | {"shape": shape, "colour": skin}))
    return found


def _asked(words: list[str], scene: str, size: str, limbs: bool) -> Asked:
    prompt = ", ".join([*words, size, scene, *(["limbs"] if limbs else [])])
    return Asked(prompt, {"background": scene, "size": size, "limbs": "yes" if limbs else "no"})


class Easel:
    """The base of a project, ready to draw; a LoRA is put on for one set of pictures and taken off again."""

    def __init__(self, project: Path, steps: int = STEPS) -> None:
        self.steps = steps
        self.loaded = load(project)
        settings = self.loaded.project
        chosen = device.pick(settings.device)
        self.model = family.load(source.locate(self.loaded.site), settings.base, family.PARTS, chosen, device.FULL)

    def draw(self, asked: list[Asked], first_seed: int, lora: bytes | None = None, weight: float = 1.0) -> np.ndarray:
        """uint8 [n, 64, 64, 3]; seeds count upwards."""
        adapter = self._put_on(lora, weight) if lora else None
        try:
            made = self.model.sample(
                [one.prompt for one in asked],
                negatives=[""] * len(asked),
                seeds=list(range(first_seed, first_seed + len(asked))),
                steps=self.steps,
                cfg=CFG,
                width=64,
                height=64,
                batch=BATCH,
            )
        finally:
            if adapter:
                adapter.detach()
        return np.stack([np.asarray(one) for one in made])

    def _put_on(self, lora: bytes, weight: float) -> attach.Adapter:
        network = self.loaded.project.network
        layers = self.model.layers(("unet", "text_encoder"), convolutions=attach.wants_convolutions(network))
        adapter = attach.attach(layers, network, 0)
        adapter.load_state({name: tensor.float() for name, tensor in file.load(lora).items()})
        adapter.multiplier = weight
        return adapter


def creatures(images: np.ndarray) -> float:
    """Share of pictures that show the new creature."""
    return float(np.mean(is_new_creature(judge(images))))


def capes(images: np.ndarray) -> float:
    """Share of pictures that show a cape."""
    return float(np.mean(np.array(judge(images)["cape"]) == "yes"))


def follows(asked: list[Asked], images: np.ndarray) -> dict[str, float]:
    """Head → share of pictures that show what was asked."""
    seen = judge(images)
    heads = asked[0].wanted
    return {
        head: float(np.mean([one.wanted[head] == label for one, label in zip(asked, seen[head], strict=True)]))
        for head in heads
    }
