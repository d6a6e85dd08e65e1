"""``samples:`` pictures drawn to judge the result."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from lorabuild.schema import prompt_lines
from lorabuild.schema.section import QUIET, Section, runtime_only

Sampler = Literal[
    "ddim",
    "ddpm",
    "pndm",
    "lcm",
    "unipc",
    "heun",
    "euler",
    "euler_a",
    "dpm2",
    "dpm2_a",
    "dpm++_2m",
    "dpm++_2m_karras",
    "dpm++_2m_sde",
    "dpm++_2m_sde_karras",
    "dpm++_2s",
    "dpm++_2s_karras",
]
SAMPLERS = prompt_lines.SAMPLERS
assert get_args(Sampler) == SAMPLERS


class Prompt(Section):
    """A prompt with what is drawn otherwise for it; what it doesn't say is said by ``samples:``."""

    SHORT: ClassVar[str] = "prompt"

    prompt: str = Field(examples=["zorbl, forest"], description="What is drawn.")
    negative: str | None = Field(None, examples=["blurry"], description="Negative prompt.", json_schema_extra=QUIET)
    width: int | None = Field(None, ge=8, examples=[512], description="Pixels.", json_schema_extra=QUIET)
    height: int | None = Field(None, ge=8, examples=[768], description="Pixels.", json_schema_extra=QUIET)
    steps: int | None = Field(
        None, ge=1, le=prompt_lines.MOST_STEPS, examples=[28], description="Sampler steps.", json_schema_extra=QUIET
    )
    cfg: float | None = Field(None, ge=1, examples=[5.0], description="Guidance scale.", json_schema_extra=QUIET)
    seed: int | None = Field(
        None, ge=0, examples=[7], description="Drawn with this seed alone.", json_schema_extra=QUIET
    )
    sampler: Sampler | None = Field(
        None, examples=["euler_a"], description="What it is drawn with.", json_schema_extra=QUIET
    )
    weight: float | None = Field(
        None, examples=[0.8], description="Drawn with this strength alone.", json_schema_extra=QUIET
    )


def _read(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """A prompt, also from the line that says it."""
    if not isinstance(value, str):
        return read(value)
    try:
        return Prompt(**prompt_lines.parse(value))
    except prompt_lines.LineError as error:
        raise PydanticCustomError("prompt_line", "{what}", {"what": error.what}) from None


def _written(value: Any) -> Any:
    """A number as it is written."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Line = Annotated[Prompt, WrapValidator(_read, json_schema_input_type=str | Prompt)]
Every = Annotated[str, BeforeValidator(_written, json_schema_input_type=int | Literal["epoch", "end"])]


class Samples(Section):
    """What is drawn, and when."""

    prompts: tuple[Line, ...] = Field(
        (),
        examples=[["zorbl, forest", "{trigger}, {beach|night} --n blurry --w 512 --h 768 --d 7 --l 5 --s 28"]],
        description="Prompts; each is drawn with the LoRA and once without. Texts, with options at their end "
        "(`--n` negative, `--w --h` pixels, `--d` seed, `--l` cfg, `--s` steps, `--ss` sampler, `--weight`), or "
        "`{prompt: …, width: 512}`. `{trigger}` is every trigger in turn, `{triggers}` all of them, `{a|b}` one of "
        "several, by counted chance.",
    )
    file: str | None = Field(
        None,
        examples=["prompts.txt"],
        description="A text file with more prompts, one a line as above; lines that begin with `#` say nothing.",
        json_schema_extra=QUIET,
    )
    negative: str = Field("", examples=["blurry"], description="Negative prompt.")
    every: Every = Field(
        "epoch",
        pattern="^(epoch|end|[1-9][0-9]{0,8})$",
        examples=["epoch"],
        description="Draw every epoch's checkpoint, only the last, or also every so many optimizer steps, of which "
        "training.save_every must keep the checkpoints.",
    )
    during: bool = runtime_only(
        default=False,
        description="Draw while it trains, as checkpoints come. The same pictures, sooner; while they are drawn the "
        "base is in memory a second time, and the training waits.",
    )
    steps: int = Field(20, ge=1, le=prompt_lines.MOST_STEPS, description="Sampler steps.")
    cfg: float = Field(7.0, ge=1, description="Guidance scale.")
    sampler: Sampler | None = Field(
        None,
        examples=["dpm++_2m_karras"],
        description="What pictures are drawn with; default the base's own.",
        json_schema_extra=QUIET,
    )
    seed: int = Field(42, ge=0, description="The same seed for every picture of a prompt, so that columns compare.")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        examples=[[1, 2, 3]],
        description="Several seeds instead: every prompt is drawn with each.",
        json_schema_extra=QUIET,
    )
    width: int | None = Field(None, ge=8, examples=[512], description="Pixels; default the training resolution.")
    height: int | None = Field(None, ge=8, examples=[512], description="Pixels; default the training resolution.")
    weight: float = Field(1.0, description="Strength of the LoRA.")
    weights: tuple[float, ...] = Field(
        (),
        examples=[[0.5, 0.75, 1.0]],
        description="Several strengths instead; `weight` stays the one that the files recommend.",
        json_schema_extra=QUIET,
    )
