"""Drawing with a diffusers scheduler and classifier-free guidance (Ho & Salimans 2022), each picture by itself.

Every forward pass has one fixed shape; the last rows are padded, so a picture's bits don't depend on its neighbours.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.models.device import padded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lorabuild.models.family import Model


_SDE, _KARRAS = {"algorithm_type": "sde-dpmsolver++"}, {"use_karras_sigmas": True}
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "lcm": ("LCMScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm++_2m": ("DPMSolverMultistepScheduler", {}),
    "dpm++_2m_karras": ("DPMSolverMultistepScheduler", _KARRAS),
    "dpm++_2m_sde": ("DPMSolverMultistepScheduler", _SDE),
    "dpm++_2m_sde_karras": ("DPMSolverMultistepScheduler", {**_SDE, **_KARRAS}),
    "dpm++_2s": ("DPMSolverSinglestepScheduler", {}),
    "dpm++_2s_karras": ("DPMSolverSinglestepScheduler", _KARRAS),
}
"""What people call a sampler → diffusers' scheduler, and the words of its config that make it that one."""

_BETAS = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type")
_NOISE = (*_BETAS, "rescale_betas_zero_snr", "timestep_spacing", "steps_offset", "_diffusers_version")


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to be drawn: its words and the seed of its noise."""

    prompt: str
    negative: str
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the pictures of a call share: steps, guidance (1: none), size in pixels, rows a pass, sampler."""

    steps: int
    cfg: float
    width: int
    height: int
    rows: int
    scheduler: Mapping[str, Any]

    @property
    def guided(self) -> bool:
        """Whether negative prompts have a part in it."""
        return self.cfg > 1


def draw(model: Model, orders: Sequence[Order], plan: Plan) -> Tensor:
    """Scaled latents float32 [N, C, h, w] on the CPU. ``manual_seed(seed)`` gives the noise, as in diffusers."""
    drawn: dict[int, Tensor] = {}
    with torch.no_grad():
        for places in _alike(model, orders, plan):
            for group, wanted in padded(places, plan.rows):
                latents = _draw(model, [orders[place] for place in group], plan)
                drawn.update(zip(group[:wanted], latents, strict=False))
    return torch.stack([drawn[place] for place in range(len(orders))])


def _alike(model: Model, orders: Sequence[Order], plan: Plan) -> list[list[int]]:
    """Places of the orders, together where they need equally many chunks: a neighbour's length must not matter."""
    found: dict[int, list[int]] = {}
    for place, order in enumerate(orders):
        texts = [order.negative, order.prompt] if plan.guided else [order.prompt]
        found.setdefault(model.tokenize(texts).shape[-1], []).append(place)
    return list(found.values())


def _draw(model: Model, orders: Sequence[Order], plan: Plan) -> Tensor:
    scheduler = open_scheduler(plan.scheduler, plan.steps)
    generators = [torch.Generator().manual_seed(order.seed) for order in orders]
    shape = (1, model.latent_channels, plan.height // model.vae_factor, plan.width // model.vae_factor)
    noise = torch.cat([torch.randn(shape, generator=generator) for generator in generators])
    latents = (noise * scheduler.init_noise_sigma).to(model.device)
    chance = {"generator": generators} if "generator" in signature(scheduler.step).parameters else {}
    condition = _condition(model, orders, plan)
    for t in scheduler.timesteps:
        noisy = scheduler.scale_model_input(torch.cat([latents] * (1 + plan.guided)), t)
        answer = model.predict(noisy, t.to(model.device).expand(len(noisy)), condition)
        if plan.guided:
            without, asked = answer.chunk(2)
            answer = without + plan.cfg * (asked - without)
        latents = scheduler.step(answer, t, latents, **chance, return_dict=False)[0]
    drawn: Tensor = latents
    return drawn.float().cpu()


def _condition(model: Model, orders: Sequence[Order], plan: Plan) -> dict[str, Tensor]:
    """What the answers depend on, the negative prompts first; every picture is whole and as large as it is drawn."""
    texts = [order.negative for order in orders] * plan.guided + [order.prompt for order in orders]
    size = [plan.height, plan.width, 0, 0, plan.height, plan.width]
    sizes = torch.tensor([size] * len(texts), dtype=torch.float32, device=model.device)
    return {**model.encode_text(model.tokenize(texts).to(model.device)), "sizes": sizes}


def sampler(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The config of a sampler by its name, over the noise of the base's own; the base's own where there is no name.

    What else stands in the base's config is about its own sampler and left out. Raises ``ProjectError`` for one that
    can't begin without any signal, where the base's noise leaves none.
    """
    if not name:
        return config
    import diffusers

    kind, words = SAMPLERS[name]
    if config.get("rescale_betas_zero_snr") and not _takes_zero_snr(getattr(diffusers, kind)):
        able = [other for other, (kind, _) in SAMPLERS.items() if _takes_zero_snr(getattr(diffusers, kind))]
        raise ProjectError(
            f"the sampler `{name}` needs a signal to begin with, and this base was trained to begin without any",
            where="samples.sampler",
            next_step=f"write one of {', '.join(able)}",
        )
    return {**{word: config[word] for word in _NOISE if word in config}, "_class_name": kind, **words}


def open_scheduler(config: Mapping[str, Any], steps: int) -> Any:
    """A fresh sampler of the class that the config names, ready for so many steps.

    DDIM where that one can't begin without any signal. Raises ``ProjectError`` for one that diffusers lacks.
    """
    import diffusers

    name = config.get("_class_name", "")
    found = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if found is None:
        raise ProjectError(f"the base model's scheduler is `{name}`, which diffusers doesn't have", where="base.model")
    if config.get("rescale_betas_zero_snr") and not _takes_zero_snr(found):
        found = diffusers.DDIMScheduler
    known = {key: value for key, value in config.items() if not key.startswith("_")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array", DeprecationWarning)  # of diffusers under numpy 2
        scheduler = found.from_config(known)
        scheduler.set_timesteps(steps)
    return scheduler


def _takes_zero_snr(scheduler: Any) -> bool:
    return "rescale_betas_zero_snr" in signature(scheduler).parameters
