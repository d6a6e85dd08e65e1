"""``training:`` optimizer, schedule, loss and batches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.caption_forms import CaptionForms
from lorabuild.schema.loss import L2, Loss
from lorabuild.schema.noise import Noise, Timesteps, Uniform
from lorabuild.schema.optimizer import AdamW, Optimizer
from lorabuild.schema.run import Run
from lorabuild.schema.schedule import CosineWithRestarts, Schedule
from lorabuild.schema.section import QUIET, Section


class Learning(Section):
    """What a step is: optimizer, batch, loss, noise."""

    optimizer: Optimizer = Field(AdamW(), description="Optimizer and its arguments.")
    unet_lr: float | None = Field(
        None, gt=0, examples=[0.0001], description="Learning rate of the U-Net; default the optimizer's."
    )
    text_encoder_lr: float | None = Field(
        None, gt=0, examples=[0.00005], description="Learning rate of the text encoders; default the optimizer's."
    )
    text_encoder_2_lr: float | None = Field(
        None, gt=0, examples=[0.00002], description="Learning rate of the second text encoder; default the first one's."
    )
    text_encoder_end: float | None = Field(
        None,
        gt=0,
        examples=[0.5],
        description="When the text encoders stop learning: 1 or more are optimizer steps, below 1 a share of all.",
    )
    loraplus_ratio: float | None = Field(
        None,
        gt=0,
        examples=[16.0],
        description="LoRA+ (Hayou et al. 2024): the upper side of each layer learns so many times faster; 16 is usual.",
    )
    train: Literal["both", "unet", "text_encoder"] = Field("both", description="Which parts get adapters.")
    schedule: Schedule = Field(CosineWithRestarts(), description="Learning-rate schedule.")
    batch: int = Field(1, ge=1, le=1024, description="Images an optimizer step (before accumulation).")
    accumulation: int = Field(1, ge=1, le=1024, description="Batches per optimizer step.")
    loss: Loss = Field(L2(), description="Distance between prediction and target.")
    min_snr_gamma: float | None = Field(
        None, gt=0, examples=[5.0], description="Min-SNR weighting (Hang et al. 2023); 5 is usual."
    )
    soft_min_snr_gamma: float | None = Field(
        None, gt=0, examples=[5.0], description="Min-SNR weighting without the bend (Crowson et al. 2024)."
    )
    debiased_estimation: bool = Field(
        default=False, description="Weight 1/√SNR (Yu et al. 2023): more weight on noisy steps."
    )
    p2_gamma: float | None = Field(
        None, gt=0, examples=[1.0], description="P2 weighting (Choi et al. 2022), (p2_k + SNR)^-p2_gamma; 0.5 or 1."
    )
    p2_k: float = Field(1.0, gt=0, description="k of the P2 weighting.")
    scale_v_pred_loss: bool = Field(
        default=False, description="Weigh timesteps as an epsilon model would: SNR / (SNR + 1). For v-prediction only."
    )
    v_pred_like_loss: float = Field(
        0.0, ge=0, description="Add this share of the loss that a v-prediction model would have. For epsilon only."
    )
    noise: Noise = Field(Noise(), description="Noise offset, pyramid noise, input perturbation.")
    timesteps: Timesteps = Field(Uniform(), description="Which timesteps are trained, and how often.")
    mask_floor: float = Field(
        0.0, ge=0, le=1, description="Least weight of what a mask hides; 0 learns nothing there, 1 ignores masks."
    )
    mask_normalize: bool = Field(
        default=False, description="Divide the loss by the mean of the mask: a small subject counts as much as a large."
    )
    caption_dropout: float = Field(0.0, ge=0, le=1, description="Share of looks at which the caption is empty.")
    caption_dropout_every: int = Field(
        0, ge=0, description="Epochs without any caption: every so many, the second and fourth with 2; 0 is never."
    )
    max_grad_norm: float = Field(1.0, ge=0, description="Gradient clipping; 0 turns it off.")
    seed: int = Field(42, ge=0, description="Root of all counted randomness.")
    deterministic: bool = Field(
        default=True,
        description="On CUDA: only kernels that give the same bits again. `false` may train faster, and no bytes are "
        "promised. Changes nothing on a CPU.",
    )
    compile: bool = Field(
        default=False,
        json_schema_extra=QUIET,
        description="Compile the U-Net's blocks (torch.compile), anew for every size of bucket: for long trainings on "
        "a GPU with few of them. Needs a C++ compiler, and triton on a GPU.",
    )


class Training(CaptionForms, Run, Learning):
    """How the network is trained."""
