"""``finish:`` what is done to the trained LoRA before it is packed, step by step."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from lorabuild.core.errors import ProjectError
from lorabuild.schema.network import ByBlock, Rank
from lorabuild.schema.section import QUIET, Section

_RANK = {"type": "integer", "minimum": 1, "maximum": 1024}
_RESIZE: dict[str, Any] = {
    "anyOf": [
        _RANK,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "dim": _RANK,
                "conv_dim": _RANK,
                "energy": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "ratio": {"type": "number", "minimum": 1},
            },
        },
    ]
}


class Resize(Section):
    """Fewer ranks; of several limits the tightest holds."""

    dim: Rank | None = Field(None, ge=1, examples=[16], json_schema_extra=QUIET, description="Most ranks of a layer.")
    conv_dim: Rank | None = Field(
        None,
        ge=1,
        examples=[8],
        json_schema_extra=QUIET,
        description="Most ranks of kernels above 1×1; as `dim` unless written.",
    )
    energy: float | None = Field(
        None,
        gt=0,
        le=1,
        examples=[0.95],
        json_schema_extra=QUIET,
        description="Share of a layer's squared norm that stays at least.",
    )
    ratio: float | None = Field(
        None,
        ge=1,
        examples=[20],
        json_schema_extra=QUIET,
        description="Singular values this many times smaller than the largest go.",
    )


class Rebase(Section):
    """Another strength for the same effect."""

    from_: float = Field(alias="from", gt=0, le=100, examples=[0.5], description="The weight that looked right.")
    to: float = Field(1.0, gt=0, le=100, description="The weight that shall look so from now on.")


class Other(Section):
    """Another LoRA that is merged into this one."""

    file: str = Field(min_length=1, examples=["loras/style.safetensors"], description="A .safetensors file.")
    weight: float = Field(1.0, ge=-100, le=100, description="Its weight in the sum.")


def _dim(value: Any) -> Any:
    return {"dim": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Finish(Section):
    """One step; exactly one of these words."""

    resize: Annotated[Resize | None, BeforeValidator(_dim), WithJsonSchema(_RESIZE)] = Field(
        None,
        examples=[16],
        json_schema_extra=QUIET,
        description="Fewer ranks (SVD): a number, or `dim`, `conv_dim`, `energy`, `ratio`.",
    )
    rebase: Rebase | None = Field(
        None,
        examples=[{"from": 0.5}],
        json_schema_extra=QUIET,
        description="What looked right at `from` looks so at `to` from now on.",
    )
    blocks: ByBlock | None = Field(
        None,
        examples=[{"IN04": 0.5, "OUT03-OUT05": 0}],
        json_schema_extra=QUIET,
        description="Strength by block, written as `network.blocks`.",
    )
    cut: int | None = Field(
        None, ge=1, le=1024, examples=[8], json_schema_extra=QUIET, description="The first ranks of a DyLoRA, exactly."
    )
    merge: tuple[Other, ...] | None = Field(
        None,
        examples=[[{"file": "loras/style.safetensors", "weight": 0.5}]],
        json_schema_extra=QUIET,
        description="Other LoRAs are added.",
    )


def step(word: str, value: Any) -> Finish:
    """One step from plain data, as a command line says it. Raises ``ProjectError``."""
    try:
        return Finish.model_validate({word: value})
    except ValidationError as invalid:
        error = invalid.errors(include_url=False)[0]
        where = ".".join(str(part) for part in error["loc"])
        what = f"{where}: {error['msg'].lower()}, and this is {error['input']}"
        raise ProjectError(what, where="command line", next_step="`--help` behind the command shows it") from invalid
