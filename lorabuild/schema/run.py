"""``training:``, what stands around the steps: averages, validation, the end, checkpoints, logs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lorabuild.schema.section import Section, runtime_only

_SWITCH = {True: "always", False: "never"}


def _switched(value: Any) -> Any:
    """``true`` and ``false`` by their names."""
    return _SWITCH[value] if isinstance(value, bool) else value


Checkpointing = Annotated[
    Literal["auto", "always", "never"],
    BeforeValidator(_switched, json_schema_input_type=Literal["auto", "always", "never"] | bool),
]


class EMA(Section):
    """What is saved and sampled is a moving average of the weights, which lags behind them and is calmer."""

    decay: float = Field(
        0.999, gt=0, lt=1, description="Share that stays at every step; the first steps use (1 + n) / (10 + n)."
    )


class Validation(Section):
    """A share of the images isn't trained on: how well the LoRA knows them shows when it begins to learn by heart."""

    share: float = Field(0.1, gt=0, le=0.5, description="Share of the images, chosen by their content.")
    timesteps: int = Field(4, ge=1, le=64, description="Fixed timesteps at which each of them is looked at.")
    every: Literal["epoch", "end"] = Field("epoch", description="After each epoch, or once at the end.")


class EarlyStop(Section):
    """The training ends when an epoch no longer helps: by the validation loss, else by the smoothed loss."""

    patience: int = Field(3, ge=1, description="Epochs in a row that may be no better than the best before them.")
    min_delta: float = Field(0.0, ge=0, description="What is less better than this is not better.")


class Log(Section):
    """Where a run can be watched."""

    tensorboard: bool = runtime_only(
        default=False,
        description="Write `.lorabuild/logs/<name>-<key>/`: event files for TensorBoard, and the same as JSON lines.",
    )


class Run(Section):
    """How a run goes on, ends, and what it leaves behind."""

    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "bf16",
        description="Arithmetic of the frozen model; adapters stay fp32. `fp16`, with scaled losses, is for GPUs of "
        "NVIDIA that have no bf16.",
    )
    max_norm: float | None = Field(
        None,
        gt=0,
        examples=[1.0],
        description="After each step a layer's change of its weight is scaled down to this norm; 1 is usual.",
    )
    ema: EMA | None = Field(
        None, examples=[{"decay": 0.999}], description="Average of the weights; off unless written."
    )
    validation: Validation | None = Field(
        None, examples=[{"share": 0.1}], description="Loss on images that aren't trained; off unless written."
    )
    early_stop: EarlyStop | None = Field(
        None, examples=[{"patience": 3}], description="End before the budget does; off unless written."
    )
    save_every: int | None = Field(
        None, ge=1, examples=[500], description="Checkpoints also every so many optimizer steps."
    )
    keep_checkpoints: int | None = Field(
        None, ge=1, examples=[4], description="So many of the newest epochs (and steps) are kept; default all."
    )
    on_change: Literal["restart", "continue"] = runtime_only(
        "restart",
        "When images changed: train from the start, or go on from the last result with the changed ones. Counts for "
        "the next change; `lorabuild --fresh` starts over.",
    )
    rehearsal: float = runtime_only(
        0.25,
        "With `on_change: continue`: share of the unchanged images that are trained beside the changed.",
        ge=0,
        le=1,
    )
    gradient_checkpointing: Checkpointing = runtime_only(
        "auto",
        "Less memory, a third more time, the same mathematics: `true`, `false`, or by the memory that is free.",
    )
    save_state_every: int = runtime_only(
        100, "Optimizer steps between resumable states, also saved every minute; a kill loses no more than that.", ge=1
    )
    log: Log = Field(Log(), description="Logs beside the one that a build keeps.")
