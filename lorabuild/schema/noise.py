"""``training.noise`` and ``training.timesteps``: what noise is added to the latents, and how much of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section

MIN = "First timestep that is trained, from 0: the least noise."
MAX = "First timestep that is no longer trained. Default: all of them, 1000 as a rule."


class Noise(Section):
    """What the noise is beside standard normal numbers; nothing else unless written."""

    offset: float = Field(
        0.0, ge=0, description="Strength of one more number for a whole channel (Guttenberg 2023); 0.1 is usual."
    )
    offset_adaptive: float = Field(
        0.0, description="Added to `offset`: this × |mean of the image's channel|; may be below 0."
    )
    offset_random: bool = Field(default=False, description="Each look draws its offset from 0 to `offset`.")
    pyramid: int = Field(
        0, ge=0, le=16, description="Layers of ever coarser noise (Whitaker 2023); 6 is usual, 0 is off."
    )
    pyramid_discount: float = Field(0.3, gt=0, le=1, description="Strength of each layer, relative to the finer one.")
    ip_gamma: float = Field(
        0.0,
        ge=0,
        description="Strength of noise that the model sees and isn't asked for (Ning et al. 2023); 0.1 is usual.",
    )
    ip_gamma_random: bool = Field(default=False, description="Each look draws its strength from 0 to `ip_gamma`.")


class Uniform(Section):
    """Every timestep is as likely."""

    type: Literal["uniform"] = "uniform"
    min: int = Field(0, ge=0, lt=1000, description=MIN)
    max: int | None = Field(None, ge=1, le=1000, examples=[1000], description=MAX)


class Sigmoid(Section):
    """The middle is likelier: the sigmoid of scale × a normal number."""

    type: Literal["sigmoid"] = "sigmoid"
    scale: float = Field(1.0, gt=0, description="Above 1 spreads towards the ends, below 1 gathers in the middle.")
    min: int = Field(0, ge=0, lt=1000, description=MIN)
    max: int | None = Field(None, ge=1, le=1000, examples=[1000], description=MAX)


class LogitNormal(Section):
    """The sigmoid of a normal number with this mean and deviation (Esser et al. 2024)."""

    type: Literal["logit_normal"] = "logit_normal"
    mean: float = Field(0.0, description="Above 0 prefers noisy timesteps, below 0 clean ones.")
    std: float = Field(1.0, gt=0, description="Standard deviation.")
    min: int = Field(0, ge=0, lt=1000, description=MIN)
    max: int | None = Field(None, ge=1, le=1000, examples=[1000], description=MAX)


Timesteps = Annotated[Uniform | Sigmoid | LogitNormal, Field(discriminator="type")]
