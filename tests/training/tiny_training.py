"""A tiny but real thing to train: a conv denoiser, an embedding text encoder, low-rank adapters, random records.

As a program, ``tiny_training.py FOLDER DIE_AT_STEP SETTINGS_JSON [SIGNAL]`` trains in FOLDER and kills itself after
that step.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from lorabuild.core.digest import digest
from lorabuild.networks.adapter import Trained as Moved
from lorabuild.schema.training import Training
from lorabuild.training.batches import Record, Text
from lorabuild.training.device import open_device
from lorabuild.training.feed import Feed
from lorabuild.training.loop import Course, train
from lorabuild.training.objective import Denoising
from lorabuild.training.progress import Progress
from lorabuild.training.shelf import Shelf
from lorabuild.training.state import State
from lorabuild.training.validation import validation
from lorabuild.training.weighting import all_snr

PARTS = ("unet", "text_encoder")
WORDS, WIDTH, CHUNK, CHUNKS = 40, 12, 7, 2


class TextEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens):
        return self.out(self.words(tokens))


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(4, 16, 3, padding=1)
        self.time = nn.Linear(2, 16)
        self.text = nn.Linear(WIDTH, 16)
        self.conv_out = nn.Conv2d(16, 4, 3, padding=1)

    def forward(self, noisy, t, context):
        turn = t[:, None].float() / 1000 * math.pi
        added = self.time(torch.cat([turn.sin(), turn.cos()], dim=1)) + self.text(context.mean(dim=1))
        return self.conv_out(torch.tanh(self.conv_in(noisy) + added[:, :, None, None]))


class TinyModel:
    prediction = "epsilon"
    num_timesteps = 1000
    device = torch.device("cpu")

    def __init__(self):
        torch.manual_seed(0)
        self.unet, self.text_encoder = Denoiser().requires_grad_(False), TextEncoder().requires_grad_(False)
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, self.num_timesteps) ** 2
        self.alphas_cumprod = (1 - betas).cumprod(0)

    def snr(self, t):
        return all_snr(self.alphas_cumprod)[t]

    def add_noise(self, clean, noise, t):
        kept = self.alphas_cumprod[t][:, None, None, None]
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise

    def target(self, clean, noise, t):
        return noise

    def predict(self, noisy, t, condition):
        return self.unet(noisy, t, condition["hidden"])

    def encode_text(self, tokens):
        return {"hidden": self.text_encoder(tokens[:, 0])}


class TinyAdapter:
    """Low rank beside every conv and linear layer; ``multiplier`` scales what it adds."""

    multiplier = 1.0

    def __init__(self, model, parts=PARTS):
        torch.manual_seed(1)
        self.pairs = {}
        for part in parts:
            for name, layer in getattr(model, part).named_modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    self.pairs[part, f"lora_{part}_{name}"] = self._put_on(layer)

    def _put_on(self, layer):
        if isinstance(layer, nn.Conv2d):
            down = nn.Conv2d(layer.in_channels, 2, layer.kernel_size, padding=layer.padding, bias=False)
            up = nn.Conv2d(2, layer.out_channels, 1, bias=False)
        else:
            down, up = nn.Linear(layer.in_features, 2, bias=False), nn.Linear(2, layer.out_features, bias=False)
        nn.init.zeros_(up.weight)
        layer.register_forward_hook(lambda _, given, out: out + self.multiplier * up(down(given[0])))
        return down, up

    def begin(self, seeds):
        self.seeds = seeds

    def rest(self):
        self.seeds = None

    def trained(self):
        for (part, name), pair in self.pairs.items():
            for member, side in zip(pair, ("lora_down", "lora_up"), strict=True):
                yield Moved(part, name, f"{side}.weight", member.weight, 1.0, side == "lora_up")

    def parameters(self, part=None):
        return [one.parameter for one in self.trained() if part in (None, one.part)]

    def state(self):
        named = {}
        for (_, name), (down, up) in self.pairs.items():
            named |= {f"{name}.lora_down.weight": down.weight, f"{name}.lora_up.weight": up.weight}
            named[f"{name}.alpha"] = torch.tensor(2.0)
        return named

    def load_state(self, tensors):
        with torch.no_grad():
            for (_, name), (down, up) in self.pairs.items():
                down.weight.copy_(tensors[f"{name}.lora_down.weight"])
                up.weight.copy_(tensors[f"{name}.lora_up.weight"])


def blobs_and_records(images=7, priors=4, frozen=False, twisted=None):
    """Blobs by digest, records and the empty caption; two sizes, two concepts; ``twisted`` poisons that image."""
    blobs = {}

    def keep(**tensors):
        data = save(tensors)
        blobs[digest(data)] = data
        return digest(data)

    def text(seed, chunks):
        drawn = torch.Generator().manual_seed(seed)
        tokens = torch.randint(1, WORDS, (1, chunks * CHUNK), generator=drawn)
        hidden = keep(hidden=torch.randn(chunks * (CHUNK - 2) + 2, WIDTH, generator=drawn)) if frozen else None
        return Text(keep(tokens=tokens), hidden)

    records = []
    for number in range(images + priors):
        prior, tall = number >= images, images > 2 and number % 3 == 2
        latents = torch.randn(4, 8 if tall else 4, 4, generator=torch.Generator().manual_seed(number))
        if number == twisted:
            latents[0, 0, 0] = float("nan")
        records.append(
            Record(
                id=f"folder/{number}.png",
                latents=keep(latents=latents, latents_flipped=latents.flip(2)),
                pixels=f"b3:{number}",
                concept="" if prior else ("plain", "cape")[number % 2],
                repeats=1 if prior else 1 + number % 2,
                prior=prior,
                size=(32, 64) if tall else (32, 32),
                sizes=(64.0, 32.0, 0.0, 0.0, 64.0, 32.0) if tall else (32.0, 32.0, 0.0, 0.0, 32.0, 32.0),
                texts=(text(100 + number, 2 if number % 4 == 3 else 1),),
            )
        )
    return blobs, records, text(99, 1)


def settings(**words):
    plain = {"precision": "fp32", "batch": 2, "save_state_every": 3, "optimizer": {"type": "adamw", "lr": 0.01}}
    return Training.model_validate(plain | words)


class Trained:
    """One training from the outside: its state, its events and the bytes of its epochs."""

    def __init__(
        self,
        folder,
        training=None,
        epochs=3,
        after=None,
        records=None,
        parts=PARTS,
        prior_weight=0.7,
        held=(),
        around=lambda objective: objective,
        limit=None,
        **kinds,
    ):
        folder.mkdir(exist_ok=True)
        blobs, own, empty = blobs_and_records(**kinds)
        self.training, self.events = training or settings(), []
        learned = [record for number, record in enumerate(own) if number not in held]
        self.course = course = Course(learned if records is None else records(learned), epochs, self.training)
        frozen = kinds.get("frozen", False)
        feed = Feed(Shelf(blobs.__getitem__), empty, self.training, prior_weight, frozen_text=frozen, chunks=2)
        model = TinyModel()
        self.adapter = TinyAdapter(model, parts)
        self.state = State.open(folder)
        self.resumed_at = self.state.step
        progress = Watched(self.events.append, course.total())
        progress.after = after
        device = open_device(torch.device("cpu"), self.training.precision)
        plain = Denoising(model, feed, device, self.adapter)
        checked = validation([own[number] for number in held], plain) if held else None
        objective = around(plain)
        train(course, objective, self.adapter, self.state, device, progress, limit=limit, validation=checked)
        self.total = course.total()
        self.epochs = [self.state.checkpoint(name) for name in sorted(self.state.files) if name.startswith("epoch")]
        self.log = self.state.log()

    @property
    def notes(self):
        return [event.data["text"] for event in self.events if event.kind == "note"]


class Watched(Progress):
    after = None

    def step(self, row, images):
        super().step(row, images)
        if self.after:
            self.after(row)


def main():
    torch.set_num_threads(1)
    folder, die_at, words = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])

    by = getattr(signal, sys.argv[4]) if len(sys.argv) > 4 else signal.SIGKILL

    def die(row):
        if row.step == die_at:
            os.kill(os.getpid(), by)

    Trained(folder, settings(**words), after=die)


if __name__ == "__main__":
    main()
