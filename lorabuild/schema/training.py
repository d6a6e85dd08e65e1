"""``training:`` optimizer, schedule, loss and batches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section, runtime_only


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


class Constant(Section):
    """The same learning rate all along."""

    type: Literal["constant"] = "constant"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")


class Cosine(Section):
    """Falls along half a cosine to zero."""

    type: Literal["cosine"] = "cosine"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")


class CosineWithRestarts(Section):
    """Cosine that starts again at full height."""

    type: Literal["cosine_with_restarts"] = "cosine_with_restarts"
    warmup: int = Field(0, ge=0, description="Optimizer steps of linear warm-up.")
    restarts: int = Field(1, ge=0, description="How often it starts again.")


class L2(Section):
    """Mean squared error."""

    type: Literal["l2"] = "l2"


Optimizer = Annotated[AdamW | Prodigy, Field(discriminator="type")]
Schedule = Annotated[Constant | Cosine | CosineWithRestarts, Field(discriminator="type")]
Loss = Annotated[L2, Field()]


class Training(Section):
    """How the network is trained."""

    optimizer: Optimizer = Field(AdamW(), description="Optimizer and its arguments.")
    unet_lr: float | None = Field(
        None, gt=0, examples=[0.0001], description="Learning rate of the U-Net; default the optimizer's."
    )
    text_encoder_lr: float | None = Field(
        None, gt=0, examples=[0.00005], description="Learning rate of the text encoder; default the optimizer's."
    )
    train: Literal["both", "unet", "text_encoder"] = Field("both", description="Which parts get adapters.")
    schedule: Schedule = Field(CosineWithRestarts(), description="Learning-rate schedule.")
    batch: int = Field(1, ge=1, le=1024, description="Images an optimizer step (before accumulation).")
    accumulation: int = Field(1, ge=1, le=1024, description="Batches per optimizer step.")
    loss: Loss = Field(L2(), description="Distance between prediction and target.")
    min_snr_gamma: float | None = Field(
        None, gt=0, examples=[5.0], description="Min-SNR weighting (Hang et al. 2023); 5 is usual."
    )
    debiased_estimation: bool = Field(
        default=False, description="Weight 1/√SNR (Yu et al. 2023): more weight on noisy steps."
    )
    caption_dropout: float = Field(0.0, ge=0, le=1, description="Share of looks at which the caption is empty.")
    max_grad_norm: float = Field(1.0, ge=0, description="Gradient clipping; 0 turns it off.")
    precision: Literal["fp32", "bf16"] = Field(
        "bf16", description="Arithmetic of the frozen model; adapters stay fp32."
    )
    seed: int = Field(42, ge=0, description="Root of all counted randomness.")
    deterministic: bool = Field(
        default=True,
        description="On CUDA: only kernels that give the same bits again. `false` may train faster, and no bytes are "
        "promised. Changes nothing on a CPU.",
    )
    gradient_checkpointing: bool = runtime_only(
        default=False, description="Less memory, more time, the same mathematics."
    )
    save_state_every: int = runtime_only(
        100, "Optimizer steps between resumable states, also saved every minute; a kill loses no more than that.", ge=1
    )
