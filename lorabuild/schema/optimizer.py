"""``training.optimizer``: the optimizer and its arguments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section


class AdamW(Section):
    """AdamW (Loshchilov & Hutter 2019)."""

    type: Literal["adamw"] = "adamw"
    lr: float = Field(1e-4, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay.")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Decay of the first and second moment.")


class Prodigy(Section):
    """Prodigy (Mishchenko & Defazio 2023): finds the step size itself."""

    type: Literal["prodigy"] = "prodigy"
    lr: float = Field(1.0, gt=0, description="Leave at 1; scaling is done by d_coef.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay.")
    d_coef: float = Field(1.0, gt=0, description="Factor on the estimated step size, 0.5 to 2.")
    decouple: bool = Field(default=True, description="Decoupled (AdamW-like) weight decay.")
    use_bias_correction: bool = Field(default=True, description="Adam's bias correction.")
    safeguard_warmup: bool = Field(default=True, description="Keep warm-up out of the step size estimate.")
    betas: tuple[float, float] = Field((0.9, 0.99), description="Decay of the first and second moment.")


Optimizer = Annotated[AdamW | Prodigy, Field(discriminator="type")]
