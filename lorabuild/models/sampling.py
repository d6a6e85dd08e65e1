"""Drawing with a diffusers scheduler and classifier-free guidance (Ho & Salimans 2022), each picture by itself.

Every forward pass has one fixed shape; the last rows are padded, so a picture's bits don't depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import diffusers
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.models.device import padded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lorabuild.models.family import Model


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to be drawn: its words and the seed of its noise."""

    prompt: str
    negative: str
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the pictures of a call share: steps, guidance (1: none), latent shape [C, h, w], rows a pass, sampler."""

    steps: int
    cfg: float
    shape: tuple[int, int, int]
    rows: int
    scheduler: Mapping[str, Any]


def draw(model: Model, orders: Sequence[Order], plan: Plan) -> Tensor:
    """Scaled latents float32 [N, C, h, w] on the CPU. ``manual_seed(seed)`` gives the noise, as in diffusers."""
    with torch.no_grad():
        drawn = [_draw(model, group, plan)[:wanted] for group, wanted in padded(orders, plan.rows)]
    return torch.cat(drawn)


def _draw(model: Model, orders: Sequence[Order], plan: Plan) -> Tensor:
    scheduler = open_scheduler(plan.scheduler)
    scheduler.set_timesteps(plan.steps)
    generators = [torch.Generator().manual_seed(order.seed) for order in orders]
    noise = torch.stack([torch.randn(1, *plan.shape, generator=generator)[0] for generator in generators])
    latents = (noise * scheduler.init_noise_sigma).to(model.device)
    chance = {"generator": generators} if "generator" in signature(scheduler.step).parameters else {}
    guided = plan.cfg > 1
    texts = [order.negative for order in orders] * guided + [order.prompt for order in orders]
    context = model.encode_text(model.tokenize(texts).to(model.device))
    for t in scheduler.timesteps:
        noisy = scheduler.scale_model_input(torch.cat([latents] * (1 + guided)), t)
        answer = model.predict(noisy, t.to(model.device).expand(len(noisy)), context)
        if guided:
            without, asked = answer.chunk(2)
            answer = without + plan.cfg * (asked - without)
        latents = scheduler.step(answer, t, latents, **chance, return_dict=False)[0]
    drawn: Tensor = latents
    return drawn.float().cpu()


def open_scheduler(config: Mapping[str, Any]) -> Any:
    """A fresh sampler of the class that the config names. Raises ``ProjectError`` for one that diffusers lacks."""
    name = config.get("_class_name", "")
    found = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if found is None:
        raise ProjectError(f"the base model's scheduler is `{name}`, which diffusers doesn't have", where="base.model")
    return found.from_config({key: value for key, value in config.items() if not key.startswith("_")})
