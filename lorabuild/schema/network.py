"""``network:`` the adapter that is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section


class LoRA(Section):
    """Low-rank adapters on the linear layers of attention and feed-forward (Hu et al. 2021)."""

    type: Literal["lora"] = "lora"
    dim: int = Field(16, ge=1, le=1024, description="Rank.")
    alpha: float = Field(8, gt=0, description="Strength is alpha / dim.")


class LoCon(Section):
    """LoRA that also adapts the convolutions of the U-Net."""

    type: Literal["locon"] = "locon"
    dim: int = Field(16, ge=1, le=1024, description="Rank of linear layers and 1×1 convolutions.")
    alpha: float = Field(8, gt=0, description="Strength of those layers is alpha / dim.")
    conv_dim: int = Field(8, ge=1, le=1024, description="Rank of the 3×3 convolutions.")
    conv_alpha: float = Field(4, gt=0, description="Strength of the 3×3 convolutions is conv_alpha / conv_dim.")


Network = Annotated[LoRA | LoCon, Field(discriminator="type")]
