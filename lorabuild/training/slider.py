"""The objective of a slider: no image is seen, the model's own answers to other prompts are what it learns from.

After "Concept Sliders" (Gandikota et al. 2023), "Erasing Concepts from Diffusion Models" (Gandikota et al. 2023) and
LECO. ε is the frozen model, x a picture that was half drawn for the target, and every word stands for ε(x, word):

    δ = neutral - target ± guidance · (positive - negative)        + enhances, - erases
    loss(s) = ‖ε_s(x, target) - (target + s · δ)‖²                 for the adapter at strengths s = 1 and s = -1

Where ``neutral`` is the target, as it usually is, δ is what the papers write. At s = 1 it is LECO's formula for any
neutral. Each look trains both strengths on one x, so what doesn't change its sign with the strength cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.training import losses, randomness, weighting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from accelerate import Accelerator
    from torch import Tensor

    from lorabuild.models.family import Model
    from lorabuild.networks.adapter import Adapter
    from lorabuild.schema.slider import Denoise
    from lorabuild.training.batches import Look
    from lorabuild.training.feed import Feed

TEXTS = ("target", "positive", "negative", "neutral")
"""What the texts of a record are, in this order."""
EMPTY = "empty"
BOTH_WAYS = (1.0, -1.0)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a batch before the model is asked.

    Attributes:
        noise: ``[B, C, h, w]``, from which pictures are drawn.
        sizes: ``[B, 6]``.
        guidance, weights: ``[B]``.
        told: ``target``, ``positive``, …, ``empty`` → what the text encoders answer, ``[B, …]``, all equally long;
            without ``neutral`` where that is the target in every row.
        depths: how many sampler steps each picture is drawn.
        ways: the strength that it is drawn with, 1 or -1.
        seeds: of the adapter's own randomness, one a row.
    """

    noise: Tensor
    sizes: Tensor
    guidance: Tensor
    weights: Tensor
    told: Mapping[str, Mapping[str, Tensor]]
    depths: tuple[int, ...]
    ways: tuple[float, ...]
    seeds: tuple[int, ...]

    def to(self, device: torch.device) -> Begun:
        """The same on a device."""
        return Begun(**{one.name: _moved(getattr(self, one.name), device) for one in fields(self)})


@dataclass(slots=True)
class Sliding:
    """What a slider makes small.

    Attributes:
        model, feed, device, adapter: as of the usual objective.
        aims: identity of a record's target (``Record.pixels``) → its guidance, below 0 to erase, and its weight.
        denoise: how pictures are half drawn.
    """

    model: Model
    feed: Feed
    device: Accelerator
    adapter: Adapter
    aims: Mapping[str, tuple[float, float]]
    denoise: Denoise
    _times: Tensor = field(init=False, repr=False)
    _weights: Tensor = field(init=False, repr=False)
    _thresholds: Tensor | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        model, training = self.model, self.feed.training
        self._times = timesteps(model.num_timesteps, self.denoise.steps)
        snr = model.snr(torch.arange(model.num_timesteps, device=model.device)).float().cpu()
        self._weights = weighting.table(snr, training, model.prediction)
        self._thresholds = losses.thresholds(training.loss, model.alphas_cumprod)

    def __call__(self, looks: Sequence[Look], step: int) -> Tensor:
        """The weighted loss of every look ``[B]``: the mean of both ways."""
        return self.measure(self.prepare(looks, step))

    def prepare(self, looks: Sequence[Look], step: int) -> Begun:  # noqa: ARG002 - nothing here changes on the way
        """What is read and drawn, on the CPU."""
        feed, seed = self.feed, self.feed.training.seed
        aims = [self.aims[look.record.pixels] for look in looks]
        depths = tuple(randomness.choice(seed, "depth", look, self.denoise.steps) for look in looks)
        times = self._times[torch.tensor(depths)]
        return Begun(
            noise=randomness.noise(seed, looks, self._shape(looks[0])),
            sizes=feed.sizes(looks),
            guidance=torch.tensor([guidance for guidance, _ in aims]),
            weights=torch.tensor([weight for _, weight in aims]) * self._weights[times],
            told=self._told(looks),
            depths=depths,
            ways=tuple(BOTH_WAYS[look.visit % 2] for look in looks),
            seeds=feed.seeds(looks),
        )

    def measure(self, begun: Begun) -> Tensor:
        """The weighted loss of every row ``[B]``, float32 with gradients."""
        batch = begun.to(self.device.device)
        times = self._times[torch.tensor(begun.depths)].to(batch.noise.device)
        noisy = self.drawn(batch)
        target, delta = self.direction(batch, noisy, times)
        self.adapter.begin(batch.seeds)
        word, c = self.feed.training.loss.type, self._at(self._thresholds, times)
        found = [
            losses.per_sample(word, self._answer(batch, noisy, times, way), target + way * delta, c)
            for way in BOTH_WAYS
        ]
        return sum(found, torch.zeros_like(batch.weights)) / len(found) * batch.weights

    @torch.no_grad()
    def drawn(self, batch: Begun) -> Tensor:
        """Pictures ``[B, C, h, w]`` half drawn for their target, each with the adapter as strong as its way says."""
        noisy = batch.noise.clone()
        self.adapter.rest()
        for way in BOTH_WAYS:
            self.adapter.multiplier = way
            for done in range(max(batch.depths)):
                wanted = zip(batch.depths, batch.ways, strict=True)
                rows = [row for row, (depth, own) in enumerate(wanted) if depth > done and own == way]
                if rows:
                    noisy[rows] = self._drawn_on(batch, noisy[rows], rows, done)
        return noisy

    def _drawn_on(self, batch: Begun, noisy: Tensor, rows: Sequence[int], done: int) -> Tensor:
        """Some rows, one sampler step further; with guidance from the empty prompt (Ho & Salimans 2022)."""
        t, to = self._times[done : done + 2].to(noisy.device).expand(len(rows), -1).unbind(dim=1)
        guided = self.denoise.cfg > 1
        asked, *without = self._ask(batch, noisy, t, ["target", EMPTY] if guided else ["target"], rows)
        answer = without[0] + self.denoise.cfg * (asked - without[0]) if guided else asked
        return self.model.step(noisy, answer, t, to)

    @torch.no_grad()
    def direction(self, batch: Begun, noisy: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """What the base answers to the target, and δ, both ``[B, C, h, w]``."""
        self.adapter.multiplier = 0.0
        words = [word for word in TEXTS if word in batch.told]
        target, positive, negative, *other = self._ask(batch, noisy, times, words)
        neutral, guidance = other[0] if other else target, batch.guidance.view(-1, 1, 1, 1)
        return target, neutral - target + guidance * (positive - negative)

    def _answer(self, batch: Begun, noisy: Tensor, times: Tensor, way: float) -> Tensor:
        """What the model answers to the target with the adapter at this strength, with gradients.

        Gradient checkpointing answers again in the backward pass: then the strength must be this one once more.
        """
        self.adapter.multiplier = way
        (answer,) = self._ask(batch, noisy, times, ["target"])
        if answer.requires_grad:
            answer.register_hook(lambda _gradient: setattr(self.adapter, "multiplier", way))  # type: ignore[no-untyped-call]
        return answer

    def _ask(
        self, batch: Begun, noisy: Tensor, times: Tensor, words: Sequence[str], rows: Sequence[int] | None = None
    ) -> Sequence[Tensor]:
        """The model's answer to each word, in one pass; ``noisy`` and ``times`` are of ``rows``, or of all."""
        pick = slice(None) if rows is None else torch.tensor(rows, device=noisy.device)
        names = batch.told[words[0]]
        condition = {name: torch.cat([batch.told[word][name][pick] for word in words]) for name in names}
        condition["sizes"] = batch.sizes[pick].repeat(len(words), 1)
        with self.device.autocast():
            asked = self.model.predict(noisy.repeat(len(words), 1, 1, 1), times.repeat(len(words)), condition)
        return asked.chunk(len(words))

    def _told(self, looks: Sequence[Look]) -> dict[str, dict[str, Tensor]]:
        """What the text encoders answer to the texts of every look, in one length."""
        texts = {word: [look.record.texts[place] for look in looks] for place, word in enumerate(TEXTS)}
        if texts["neutral"] == texts["target"]:
            del texts["neutral"]
        texts[EMPTY] = [self.feed.empty] * len(looks)
        every = self.feed.answers([text for chosen in texts.values() for text in chosen])
        parted = {name: tensor.chunk(len(texts)) for name, tensor in every.items()}
        return {word: {name: parts[place] for name, parts in parted.items()} for place, word in enumerate(texts)}

    def _shape(self, look: Look) -> tuple[int, int, int]:
        width, height = look.record.size
        return self.model.latent_channels, height // self.model.vae_factor, width // self.model.vae_factor

    @staticmethod
    def _at(table: Tensor | None, times: Tensor) -> Tensor | None:
        return None if table is None else table.to(times.device)[times]


def timesteps(number: int, steps: int) -> Tensor:
    """Where a sampler of so many steps stands before each of them, int64 ``[steps]``, from pure noise down.

    Spaced from the end ("trailing", Lin et al. 2024), so that the first is the last timestep of the model.
    """
    return torch.tensor([round(number * (steps - done) / steps) - 1 for done in range(steps)])


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=device.type == "cuda")
    return {name: _moved(entry, device) for name, entry in value.items()} if isinstance(value, dict) else value
