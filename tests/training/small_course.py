"""A real base in miniature and what it is trained on: four pictures of random latents, two captions."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from safetensors.torch import save
from sites import site
from tiny_training import Watched

from lorabuild.core.digest import digest
from lorabuild.models import family, source
from lorabuild.networks import attach
from lorabuild.schema.training import Training
from lorabuild.training.batches import Look, Record, Text
from lorabuild.training.feed import Feed
from lorabuild.training.loop import Course, train
from lorabuild.training.objective import Denoising
from lorabuild.training.shelf import Shelf
from lorabuild.training.state import State

CPU = torch.device("cpu")
PARTS = ("unet", "scheduler", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "vae")
WORDS = ("a b", "a cape")
SIZES = (32.0, 32.0, 0.0, 0.0, 32.0, 32.0)


@dataclass
class Device:
    """What an objective asks of accelerate: where, and in which arithmetic."""

    device: torch.device = CPU
    half: bool = False

    def autocast(self):
        return torch.autocast(self.device.type, torch.float16) if self.half else nullcontext()


class Small:
    """Model, adapter and objective of one training, and the training itself."""

    def __init__(self, base, network, device, family_="sd15", **words):
        self.training = Training.model_validate({"precision": "fp32", "optimizer": {"type": "sgd", "lr": 0.1}} | words)
        self.device, dtype = device, torch.float16 if device.half else torch.float32
        where = site(base.parent, base, base={"family": family_})
        self.model = family.load(source.locate(where), where.project.base, PARTS, device.device, dtype)
        trained = family.TRAINED[self.training.train]
        layers = self.model.layers(trained, convolutions=attach.wants_convolutions(network))
        self.adapter = attach.attach(layers, network, 1)
        self.blobs, self.notes = {}, []
        texts = [self._text(word) for word in ("", *WORDS)]
        self.records = [self._record(number, texts[1 + number % 2]) for number in range(4)]
        feed = Feed(Shelf(self.blobs.__getitem__), texts[0], self.training, 1.0, self.training.train == "unet")
        self.objective = Denoising(self.model, feed, device, self.adapter)

    def _keep(self, **tensors):
        data = save(tensors)
        self.blobs[digest(data)] = data
        return digest(data)

    def _text(self, word):
        tokens = self.model.tokenize([word])
        with torch.no_grad():
            answer = self.model.encode_text(tokens.to(self.device.device))
        hidden = {name: rows[0].float().cpu() for name, rows in answer.items()}
        return Text(self._keep(tokens=tokens[0]), self._keep(**hidden))

    def _record(self, number, text):
        latents = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(number))
        name, mask = f"{number}.png", (latents[:1] > 0).float()
        return Record(name, self._keep(latents=latents, mask=mask), (text,), name, "c", 1, False, (32, 32), SIZES)

    def looks(self):
        return [Look(record, 0) for record in self.records]

    def run(self, folder, epochs=1, after=None, around=lambda objective: objective, **words):
        """Train in a folder, and call ``after`` with the row of every step; the state it ends with."""
        folder.mkdir(exist_ok=True)
        course, state = Course(self.records, epochs, self.training), State.open(folder)
        progress = Watched(self.notes.append, course.total())
        progress.after = after
        train(course, around(self.objective), self.adapter, state, self.device, progress, **words)
        return state
