"""``training.schedule``: the learning rate over the course of a training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section

WARMUP = "Linear warm-up: 1 or more are optimizer steps, below 1 it is a share of all of them."
CYCLE_WARMUP = "Linear warm-up of every cycle: 1 or more are optimizer steps, below 1 it is a share of the cycle."
FLOOR = "What it ends at, as a share of the full learning rate."
RESTARTS = "How often it starts again."


class Constant(Section):
    """The same learning rate all along."""

    type: Literal["constant"] = "constant"
    warmup: float = Field(0, ge=0, description=WARMUP)


class Linear(Section):
    """Falls along a straight line."""

    type: Literal["linear"] = "linear"
    warmup: float = Field(0, ge=0, description=WARMUP)
    min_lr: float = Field(0.0, ge=0, le=1, description=FLOOR)


class Cosine(Section):
    """Falls along half a cosine."""

    type: Literal["cosine"] = "cosine"
    warmup: float = Field(0, ge=0, description=WARMUP)
    min_lr: float = Field(0.0, ge=0, le=1, description=FLOOR)


class CosineWithRestarts(Section):
    """Cosine that starts again at full height."""

    type: Literal["cosine_with_restarts"] = "cosine_with_restarts"
    warmup: float = Field(0, ge=0, description=WARMUP)
    restarts: int = Field(1, ge=0, description=RESTARTS)
    min_lr: float = Field(0.0, ge=0, le=1, description=FLOOR)


class AnnealedCosine(Section):
    """Cosine with warm restarts: every cycle warms up, and its peak is lower than the last one; usual with Prodigy."""

    type: Literal["annealed_cosine"] = "annealed_cosine"
    warmup: float = Field(0.05, ge=0, description=CYCLE_WARMUP)
    restarts: int = Field(2, ge=0, description=RESTARTS)
    gamma: float = Field(0.9, gt=0, le=1, description="Each peak is this share of the one before.")
    min_lr: float = Field(0.0, ge=0, le=1, description="What every cycle starts from and ends at, as for the others.")


class Polynomial(Section):
    """Falls along a power of what is left of the way."""

    type: Literal["polynomial"] = "polynomial"
    warmup: float = Field(0, ge=0, description=WARMUP)
    power: float = Field(2.0, gt=0, description="The power; 1 is a straight line.")
    min_lr: float = Field(0.0, ge=0, le=1, description=FLOOR)


class Rex(Section):
    """REX (Chen et al. 2022): stays high for long, then falls ever faster."""

    type: Literal["rex"] = "rex"
    warmup: float = Field(0, ge=0, description=WARMUP)
    min_lr: float = Field(0.0, ge=0, le=1, description=FLOOR)


Schedule = Annotated[
    Constant | Linear | Cosine | CosineWithRestarts | AnnealedCosine | Polynomial | Rex, Field(discriminator="type")
]


def steps_of(amount: float, total: int) -> int:
    """What a word says that counts steps from 1 on and is a share of ``total`` below that, rounded down, in steps."""
    return int(amount if amount >= 1 else amount * total)
