"""``regularization:`` pictures made by the base model, so that it keeps what it knew."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lorabuild.schema.section import Section

AUTO = 0
"""``auto`` where a number stands."""


def _number(value: Any) -> Any:
    """``auto`` as a number. Raises ValueError for one below 1."""
    if isinstance(value, int) and value < 1:
        raise ValueError("it is less than 1; `auto` counts by itself")
    return AUTO if value == "auto" else value


Count = Annotated[int, BeforeValidator(_number, json_schema_input_type=int | Literal["auto"])]


class Generate(Section):
    """Pictures to be drawn by the base model."""

    count: Count = Field(
        32,
        examples=["auto"],
        description="How many; `auto`: as many as an epoch shows training images (repeats × images), so that none "
        "comes twice in it.",
    )
    prompts: tuple[str, ...] = Field(
        (),
        examples=[["{red|blue} creature, forest"]],
        description="Prompts, in turn; `{red|blue}` picks one by counted chance. Default: the triggers' class words.",
    )
    per_image: bool = Field(
        default=False,
        description="One for each training image instead of `count`: of its size, from its own caption, where each "
        "trigger is its class word or left out.",
    )
    negative: str = Field("", examples=["blurry"], description="Negative prompt.")
    steps: int = Field(20, ge=1, le=1000, description="Sampler steps.")
    cfg: float = Field(7.0, ge=1, description="Guidance scale.")
    seed: int = Field(0, ge=0, description="Root of the seeds.")


class Regularization(Section):
    """Prior preservation (Ruiz et al. 2023)."""

    folder: str | None = Field(
        None,
        examples=["dataset/regularization"],
        description="Folder with pictures of your own, captions beside them, instead of drawn ones.",
    )
    generate: Generate = Field(Generate(), description="Pictures to be drawn by the base model.")
    prior_loss_weight: float = Field(1.0, ge=0, description="Weight of these pictures in the loss.")
