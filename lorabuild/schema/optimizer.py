"""``training.optimizer``: the optimizer and its arguments."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lorabuild.schema.section import Section, runtime_only


def _frozen(value: Any) -> Any:
    """Lists as tuples, as classes take them."""
    if isinstance(value, dict):
        return {name: _frozen(entry) for name, entry in value.items()}
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list | tuple) else value


class AdamW(Section):
    """AdamW (Loshchilov & Hutter 2019)."""

    type: Literal["adamw"] = "adamw"
    lr: float = Field(1e-4, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay.")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Decay of the first and second moment.")


class AdamW8bit(Section):
    """AdamW with its two moments in eight bits (Dettmers et al. 2022): a quarter of the memory, on NVIDIA and CPUs."""

    type: Literal["adamw8bit"] = "adamw8bit"
    lr: float = Field(1e-4, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay.")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Decay of the first and second moment.")
    paged: bool = runtime_only(
        default=False, description="Moments move to the computer's memory while the GPU's is short; same numbers."
    )


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
    beta3: float | None = Field(
        None, ge=0, lt=1, examples=[0.99], description="Decay of the step size's sums; default √ of the second beta."
    )
    d0: float = Field(1e-6, gt=0, description="The first guess of the step size.")
    growth_rate: float | None = Field(
        None, gt=1, examples=[1.02], description="The step size grows by no more than this factor a step."
    )


class ProdigyPlusScheduleFree(Section):
    """Prodigy's step size with Schedule-Free averaging (package prodigy-plus-schedule-free); it wants no schedule.

    It limits the size of its updates itself, so `max_grad_norm: 0` suits it.
    """

    type: Literal["prodigy_plus_schedule_free"] = "prodigy_plus_schedule_free"
    lr: float = Field(1.0, gt=0, description="Leave at 1; scaling is done by d_coef.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled weight decay.")
    d_coef: float = Field(1.0, gt=0, description="Factor on the estimated step size, 0.5 to 2.")
    betas: tuple[float, float] = Field((0.9, 0.99), description="Weight of the average, decay of the second moment.")
    beta3: float | None = Field(
        None, ge=0, lt=1, examples=[0.99], description="Decay of the step size's sums; default √ of the second beta."
    )
    d0: float = Field(1e-6, gt=0, description="The first guess of the step size.")
    prodigy_steps: int = Field(0, ge=0, description="The step size stands still from this optimizer step on; 0: never.")
    split_groups: bool = Field(default=True, description="U-Net and text encoders each find a step size of their own.")
    split_groups_mean: bool = Field(
        default=False, description="With split_groups: all take the harmonic mean of the step sizes found."
    )
    use_stableadamw: bool = Field(default=True, description="Updates are scaled down to an RMS of 1 at most.")
    use_bias_correction: bool = Field(default=False, description="RAdam's correction, which is a warm-up of its own.")
    use_speed: bool = Field(default=False, description="Another estimate of the step size; experimental.")
    factored: bool = Field(default=True, description="Second moments as rows and columns (Adafactor): less memory.")


class DAdaptation(Section):
    """D-Adapted Adam (Defazio & Mishchenko 2023): finds the step size itself; Prodigy's forerunner."""

    type: Literal["dadaptation"] = "dadaptation"
    lr: float = Field(1.0, gt=0, description="Leave at 1.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay.")
    decouple: bool = Field(default=True, description="Decoupled (AdamW-like) weight decay.")
    use_bias_correction: bool = Field(default=False, description="Adam's bias correction.")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Decay of the first and second moment.")
    d0: float = Field(1e-6, gt=0, description="The first guess of the step size.")
    growth_rate: float | None = Field(
        None, gt=1, examples=[1.02], description="The step size grows by no more than this factor a step."
    )


class Lion(Section):
    """Lion (Chen et al. 2023): steps by the sign of a momentum; one moment instead of AdamW's two."""

    type: Literal["lion"] = "lion"
    lr: float = Field(3e-5, gt=0, description="Learning rate: a third to a tenth of AdamW's.")
    weight_decay: float = Field(0.03, ge=0, description="Decoupled weight decay: three to ten times AdamW's.")
    betas: tuple[float, float] = Field((0.9, 0.99), description="Momentum in the step, decay of the momentum kept.")


class Adafactor(Section):
    """Adafactor (Shazeer & Stern 2018) with a given learning rate: second moments as rows and columns."""

    type: Literal["adafactor"] = "adafactor"
    lr: float = Field(1e-4, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled weight decay.")
    clip: float = Field(1.0, gt=0, description="Updates with a larger RMS than this are scaled down to it.")
    decay: float = Field(0.8, gt=0, le=1, description="The second moment's decay at step t is 1 - t^-decay.")
    relative: bool = Field(
        default=False, description="Steps are relative to the size of the weights, at least 0.001; lr 0.01 is usual."
    )


class AdamWScheduleFree(Section):
    """Schedule-Free AdamW (Defazio et al. 2024): averages the weights in place of a schedule."""

    type: Literal["adamw_schedule_free"] = "adamw_schedule_free"
    lr: float = Field(2e-4, gt=0, description="Learning rate: one to ten times AdamW's.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay.")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Weight of the average, decay of the second moment.")
    warmup_steps: int = Field(0, ge=0, description="Optimizer steps of linear warm-up, which the average knows of.")
    r: float = Field(0.0, ge=0, description="Power of a step's number in the average: above 0, late ones weigh more.")


class SGD(Section):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    type: Literal["sgd"] = "sgd"
    lr: float = Field(0.01, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the last step that is kept.")
    nesterov: bool = Field(default=False, description="Nesterov's momentum.")


class Custom(Section):
    """Any `torch.optim.Optimizer` by its import path; code of the project's own runs only with `--trust`."""

    type: Literal["custom"] = "custom"
    class_: str = Field(
        alias="class",
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        examples=["torch.optim.RAdam"],
        description="Import path, package.module.Class: of an installed package, or of a .py in the project's folder.",
    )
    lr: float = Field(1e-4, gt=0, description="Learning rate.")
    arguments: Annotated[dict[str, Any], AfterValidator(_frozen)] = Field(
        {}, examples=[{"weight_decay": 0.01}], description="What else the class is made with, by name."
    )


Optimizer = Annotated[
    AdamW
    | AdamW8bit
    | Prodigy
    | ProdigyPlusScheduleFree
    | DAdaptation
    | Lion
    | Adafactor
    | AdamWScheduleFree
    | SGD
    | Custom,
    Field(discriminator="type"),
]
