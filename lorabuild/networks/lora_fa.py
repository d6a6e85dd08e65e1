"""LoRA-FA: LoRA whose ``lora_down`` stays as it started, so that no layer keeps its inputs (Zhang et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.networks import lora

if TYPE_CHECKING:
    from torch import nn

    from lorabuild.networks.lora import LowRank
    from lorabuild.schema.network import LoRAFA

CONVOLUTIONS = True


def make(name: str, layer: nn.Module, settings: LoRAFA, seed: int) -> LowRank:
    """As LoRA's, with ``lora_down`` frozen; in a file it is a LoRA."""
    made = lora.make(name, layer, settings, seed)
    made.lora_down.requires_grad = False
    return made
