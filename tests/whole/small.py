"""A small project that is built in a second or two, and what the tests ask of it.

``plain`` has four pictures, one of them twice and one with transparency; ``cape`` has three, one wide and one with a
caption by hand. The base model has random weights and few blocks, the tagger's scores can be worked out by hand.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tiny_sd15
import tiny_tagger
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

from lorabuild.cli.main import main

SETTINGS = """\
name: tiny
base: {model: base}
triggers:
  zorbl: {kind: character, class: creature, absorbs: [1creature]}
  zorbl_cape: {kind: outfit, absorbs: [red]}
concepts:
  plain: {folder: dataset/plain, triggers: [zorbl]}
  cape: {folder: dataset/cape, triggers: [zorbl, zorbl_cape]}
images: {resolution: 64}
captions: {tagger: {type: wd14, model: tagger, threshold: 0.35}}
budget: {steps: 24, epochs: 2}
regularization: {generate: {count: 2, steps: 2, prompts: [creature]}}
network: {dim: 2, alpha: 1}
training: {optimizer: {lr: 1.0e-3}, batch: 4, precision: fp32, seed: 7}
samples: {prompts: ["zorbl, red"], steps: 2, every: end}
output: {folder: out, author: someone}
device: {type: cpu, threads: 1}
"""
PLAIN = {"a": (40, 60, 200), "b": (200, 60, 40), "c": (60, 200, 40), "d": (118, 90, 90)}
CAPE = {"e": (220, 30, 120), "f": (30, 220, 220), "g": (128, 128, 128)}
SHAPES = {"c": (64, 48), "f": (120, 40)}
LORA = "out/tiny.safetensors"
UNET = tiny_sd15.UNET | {
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}


@dataclass(frozen=True)
class Built:
    """What a command line did: exit code, the JSON objects on stdout, the text on stderr."""

    code: int
    said: list[dict]
    text: str

    @property
    def ran(self) -> dict[str, int]:
        """Stage → how many items ran, without the stages that did nothing."""
        return {stage: counts["ran"] for stage, counts in self.said[-1]["stages"].items() if counts["ran"]}

    def events(self, kind: str) -> list[dict]:
        return [event for event in self.said if event["event"] == kind]


@dataclass(frozen=True)
class Small:
    """A small project in a folder."""

    root: Path

    def run(self, *words: str) -> Built:
        """A command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        with as_before(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["-C", str(self.root), *words])
        said = [json.loads(line) for line in out.getvalue().split("\n") if line.startswith("{")]
        return Built(code, said, out.getvalue() + err.getvalue())

    def build(self, *words: str) -> Built:
        return self.run("build", "--json", *words)

    def process(self, *words: str, **how) -> subprocess.Popen:
        """A command line in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "lorabuild", "-C", str(self.root), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            **how,
        )

    def copy(self, to: Path) -> "Small":
        shutil.copytree(self.root, to)
        return Small(to)

    def path(self, name: str) -> Path:
        return self.root / name

    def sha(self, name: str = LORA) -> str:
        return hashlib.sha256(self.path(name).read_bytes()).hexdigest()

    def write(self, old: str, new: str) -> None:
        """Change the text of lora.yaml in one place."""
        text = self.path("lora.yaml").read_text("utf-8")
        assert text.count(old) == 1, old
        self.path("lora.yaml").write_text(text.replace(old, new), "utf-8")

    def inputs(self) -> dict[str, bytes]:
        """Every file that belongs to the person, with its bytes."""
        ours = (".lorabuild", "out", "lora.lock", "lora.manifest.tsv")
        files = (path for path in self.root.rglob("*") if path.is_file())
        named = ((path.relative_to(self.root).as_posix(), path) for path in files)
        return {name: path.read_bytes() for name, path in named if name.split("/")[0] not in ours}


@contextlib.contextmanager
def as_before():
    """A command line pins torch's threads and takes signals; the next test finds both as they were."""
    threads = torch.get_num_threads()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def make_models(folder: Path) -> Path:
    """The base, with a U-Net that is quick to train, and the tagger."""
    tiny_sd15.make(folder / "base")
    torch.manual_seed(0)
    UNet2DConditionModel(**UNET).save_pretrained(folder / "base/unet")
    tiny_tagger.make(folder / "tagger")
    return folder


def make(root: Path, models: Path) -> Small:
    """A project that was never built."""
    shutil.copytree(models, root)
    (root / "lora.yaml").write_text(SETTINGS, "utf-8")
    for folder, colours in (("plain", PLAIN), ("cape", CAPE)):
        (root / "dataset" / folder).mkdir(parents=True)
        for name, colour in colours.items():
            picture(colour, SHAPES.get(name, (64, 64)), clear=name == "b").save(root / f"dataset/{folder}/{name}.png")
    shutil.copy(root / "dataset/plain/a.png", root / "dataset/plain/a_again.png")
    (root / "dataset/cape/g.txt").write_text("grey, by hand", "utf-8")
    return Small(root)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64), *, clear: bool = False) -> Image.Image:
    """A plain colour with a grain that tells its neighbours apart; ``clear``: with a transparent corner."""
    grain = np.random.default_rng(sum(colour)).integers(-12, 13, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)
    if not clear:
        return Image.fromarray(pixels)
    opaque = np.full((size[1], size[0], 1), 255, np.uint8)
    opaque[:16, :16] = 0
    return Image.fromarray(np.concatenate([pixels, opaque], axis=2))
