"""``network:`` the adapter that is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from lorabuild.schema import blocks
from lorabuild.schema.section import Section

_WRITTEN: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
        {"type": "array", "items": {"type": "number", "minimum": 0}},
        {"type": "string"},
    ]
}

Share = Annotated[float, Field(ge=0, le=100)]
Rank = Annotated[int, Field(ge=0, le=1024)]
Alpha = Annotated[float, Field(gt=0)]
ByBlock = Annotated[dict[str, Share], BeforeValidator(blocks.named), WithJsonSchema(_WRITTEN)]
RankByBlock = Annotated[dict[str, Rank], BeforeValidator(blocks.named), WithJsonSchema(_WRITTEN)]
AlphaByBlock = Annotated[dict[str, Alpha], BeforeValidator(blocks.positive), WithJsonSchema(_WRITTEN)]


class _Network(Section):
    """What every network has: which layers it sits on, and how fast each of them learns."""

    type: str
    only: tuple[str, ...] = Field(
        (), examples=[["*attn*"]], description="Patterns over layer names (`*attn2*`); no other layer gets an adapter."
    )
    without: tuple[str, ...] = Field(
        (), examples=[["*ff_net*"]], description="Patterns over layer names; these layers get no adapter."
    )
    blocks: ByBlock | None = Field(
        None,
        examples=[{"IN04": 0.5, "OUT03-OUT05": 0}],
        description="Learning rate of U-Net blocks as a factor, 0 is no adapter: by name or range, as a list of "
        "12, 17, 20 or 26 values, a preset (`MIDD`) or a curve (`cosine`, `IN sine`). BASE is the text encoder.",
    )
    layer_lrs: dict[str, Share] | None = Field(
        None,
        examples=[{"*attn2_to_k": 0.5}],
        description="Learning rate of layers as a factor, by pattern; the last that fits holds, on top of `blocks`.",
    )
    module_dropout: float = Field(0.0, ge=0, lt=1, description="Chance that a layer's adapter rests for an image.")


class _Ranked(_Network):
    """Networks with a rank."""

    dim: int = Field(16, ge=1, le=1024, description="Rank.")
    alpha: float = Field(8, gt=0, description="Strength is alpha / dim.")
    block_dims: RankByBlock | None = Field(
        None, examples=[{"M00": 32}], description="Rank by block, written as `blocks`; 0 is no adapter."
    )
    block_alphas: AlphaByBlock | None = Field(
        None, examples=[{"M00": 16}], description="Alpha by block, written as `blocks`."
    )
    layer_dims: dict[str, Rank] | None = Field(
        None,
        examples=[{"*attn2*": 4}],
        description="Rank by pattern of layer names; the last that fits holds, and wins over `block_dims`.",
    )
    layer_alphas: dict[str, Alpha] | None = Field(
        None, examples=[{"*attn2*": 2}], description="Alpha by pattern of layer names; wins over `block_alphas`."
    )
    rank_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of a layer's ranks (LoHa, LoKr: of its outputs) that rest for an image."
    )


class _Convolving(_Ranked):
    """Ranked networks that may also sit on the convolutions of the U-Net."""

    conv_dim: int = Field(
        0, ge=0, le=1024, description="Rank of 3×3 kernels; 0 leaves residual and resampling blocks alone."
    )
    conv_alpha: float = Field(4, gt=0, description="Strength of 3×3 kernels is conv_alpha / conv_dim.")
    conv_block_dims: RankByBlock | None = Field(
        None, examples=[{"M00": 8}], description="`conv_dim` by block, written as `blocks`."
    )
    conv_block_alphas: AlphaByBlock | None = Field(
        None, examples=[{"M00": 4}], description="`conv_alpha` by block, written as `blocks`."
    )


class _Neurons(Section):
    """Networks with something between their two matrices."""

    dropout: float = Field(0.0, ge=0, lt=1, description="Share of inner values that rest for an image.")


class _Scaled(Section):
    """Networks whose strength may follow the root of the rank."""

    rs_lora: bool = Field(
        default=False,
        description="Strength alpha / √dim (Kalajdzievski 2023); the file holds the alpha that means the same.",
    )


class _Decomposed(_Scaled):
    """Networks that may learn magnitude and direction apart."""

    dora: bool = Field(
        default=False,
        description="Magnitude of each input apart from the direction (DoRA, Liu et al. 2024), as clients apply it.",
    )


class LoRA(_Decomposed, _Neurons, _Ranked):
    """Low-rank adapters on the linear layers of attention and feed-forward (Hu et al. 2021)."""

    type: Literal["lora"] = "lora"


class LoCon(_Decomposed, _Neurons, _Convolving):
    """LoRA that also adapts the convolutions of the U-Net."""

    type: Literal["locon"] = "locon"
    dim: int = Field(16, ge=1, le=1024, description="Rank of linear layers and 1×1 convolutions.")
    alpha: float = Field(8, gt=0, description="Strength of those layers is alpha / dim.")
    conv_dim: int = Field(8, ge=1, le=1024, description="Rank of the 3×3 convolutions.")
    conv_alpha: float = Field(4, gt=0, description="Strength of the 3×3 convolutions is conv_alpha / conv_dim.")


class LoHa(_Decomposed, _Convolving):
    """The product, value by value, of two low-rank matrices: a higher rank for as many numbers (Hyeon-Woo 2022)."""

    type: Literal["loha"] = "loha"
    dim: int = Field(8, ge=1, le=1024, description="Rank of each of the two products; 32 is the most that is usual.")
    alpha: float = Field(4, gt=0, description="Strength is alpha / dim.")


class LoKr(_Decomposed, _Convolving):
    """The Kronecker product of a small and a larger matrix (Edalati et al. 2022, Yeh et al. 2023): small files."""

    type: Literal["lokr"] = "lokr"
    factor: int = Field(
        8,
        ge=-1,
        le=64,
        description="Side of the small matrix, or what divides the layer below it; -1 is near the root.",
    )
    decompose_both: bool = Field(default=False, description="Both matrices as a product of two, where that is smaller.")


class IA3(_Network):
    """One factor for each input or output of a layer (Liu et al. 2022): very small, quick, good to try a dataset."""

    type: Literal["ia3"] = "ia3"
    only: tuple[str, ...] = Field(
        ("*_to_k", "*_to_v", "*_ff_net_2", "*_k_proj", "*_v_proj", "*_mlp_fc2"),
        description="Patterns over layer names; no other layer gets an adapter.",
    )
    on_input: tuple[str, ...] = Field(
        ("*_ff_net_2", "*_mlp_fc2"),
        description="Patterns: these layers scale their inputs, others their outputs. Convolutions always do.",
    )
    convolutions: bool = Field(
        default=False, description="Whether residual and resampling blocks are offered to `only`."
    )


class DyLoRA(_Neurons, _Convolving):
    """LoRA that is trained at every multiple of ``unit`` at once, and can be cut to any of them (Valipour 2022)."""

    type: Literal["dylora"] = "dylora"
    dim: int = Field(64, ge=1, le=1024, description="The largest rank.")
    alpha: float = Field(32, gt=0, description="Strength is alpha / dim.")
    unit: int = Field(4, ge=1, le=1024, description="Ranks that are trained together; best a divisor of the rank.")


class DiagOFT(_Network):
    """Turns the outputs of a layer in small blocks and keeps their lengths (Qiu et al. 2023): hard to over-bake."""

    type: Literal["diag_oft"] = "diag_oft"
    dim: int = Field(8, ge=2, le=1024, description="Outputs that are turned together: the largest divisor up to this.")
    block_dims: RankByBlock | None = Field(
        None, examples=[{"M00": 4}], description="`dim` by block, written as `blocks`; 0 is no adapter."
    )
    layer_dims: dict[str, Rank] | None = Field(
        None, examples=[{"*attn2*": 4}], description="`dim` by pattern of layer names; wins over `block_dims`."
    )
    convolutions: bool = Field(default=False, description="Whether it also sits on residual and resampling blocks.")


class LoRAFA(_Scaled, _Neurons, _Convolving):
    """LoRA whose first matrix stays as it started: less memory (Zhang et al. 2023, LoRA-FA)."""

    type: Literal["lora_fa"] = "lora_fa"


class Full(_Network):
    """The whole difference of every weight: no rank, large files."""

    type: Literal["full"] = "full"
    convolutions: bool = Field(default=False, description="Whether it also sits on residual and resampling blocks.")


Network = Annotated[
    LoRA | LoCon | LoHa | LoKr | IA3 | DyLoRA | DiagOFT | LoRAFA | Full,
    Field(discriminator="type"),
]
