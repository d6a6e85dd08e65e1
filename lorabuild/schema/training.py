"""``training:`` optimizer, schedule, loss and batches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.optimizer import AdamW, Optimizer
from lorabuild.schema.schedule import CosineWithRestarts, Schedule
from lorabuild.schema.section import Section, runtime_only


class L2(Section):
    """Mean squared error."""

    type: Literal["l2"] = "l2"


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
