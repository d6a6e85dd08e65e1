"""``slider:`` what a slider moves, in which direction and how long it learns; only of `kind: slider`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section


class Target(Section):
    """One prompt that answers to the slider, and the two prompts between which it is moved."""

    target: str = Field(
        examples=["1girl"], description="What is moved: the prompt that must answer to the slider; may be empty."
    )
    positive: str = Field(examples=["1girl, smile"], description="Where strength 1 leads.")
    negative: str = Field("", examples=["1girl, frown"], description="Where strength -1 leads; LECO's `unconditional`.")
    neutral: str | None = Field(
        None, examples=["1girl, expressionless"], description="Where it starts from; default the target itself."
    )
    action: Literal["enhance", "erase"] = Field(
        "enhance", description="`enhance`: strength 1 leads to the positive prompt. `erase`: away from it."
    )
    guidance: float = Field(1.0, gt=0, description="How far strength 1 leads: 1 to where the prompts are.")
    weight: float = Field(1.0, gt=0, description="Weight of this target in the loss.")
    resolution: int | None = Field(
        None, ge=32, le=4096, examples=[512], description="Side of its pictures in pixels; default images.resolution."
    )


class Denoise(Section):
    """How a picture is half drawn, by the model with the slider on it, before the model is asked what comes next."""

    steps: int = Field(20, ge=1, le=1000, description="Sampler steps of a whole picture; a look stops at any of them.")
    cfg: float = Field(3.0, ge=1, description="Guidance scale.")


class Slider(Section):
    """A direction between prompts, learned without images."""

    targets: tuple[Target, ...] = Field(
        min_length=1,
        examples=[[{"target": "1girl", "positive": "1girl, smile", "negative": "1girl, frown"}]],
        description="What is moved, and between which prompts.",
    )
    steps: int = Field(300, ge=1, description="Optimizer steps; above 500 a slider learns more than its direction.")
    every: int = Field(50, ge=1, description="Steps from one checkpoint to the next; `steps` is a multiple of it.")
    strengths: tuple[float, ...] = Field(
        (-2, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 2), min_length=1, description="Strengths that the sample pictures show."
    )
    denoise: Denoise = Field(Denoise(), description="How pictures are half drawn while it learns.")
