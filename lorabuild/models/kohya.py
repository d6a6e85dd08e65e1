"""Layer names in kohya's spelling (paths with underscores) and the layers that adapters are put on.

Targets are those of the standard trainer: every Linear and Conv2d inside the transformer blocks of the U-Net and inside
attention and feed-forward of the text encoder; with convolutions, the residual and resampling blocks as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from lorabuild.models import keymap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ATTENTION = frozenset({"Transformer2DModel"})
CONVOLUTIONS = frozenset({"ResnetBlock2D", "Downsample2D", "Upsample2D"})
TEXT = frozenset({"CLIPAttention", "CLIPMLP"})


def unet_layers(unet: nn.Module, *, convolutions: bool, original: bool = False) -> dict[str, nn.Module]:
    """``lora_unet_…`` → layer, in diffusers' spelling or in the original (LDM) one."""
    inside = ATTENTION | CONVOLUTIONS if convolutions else ATTENTION
    places = keymap.unet(path for path, _ in unet.named_modules() if path) if original else {}
    return {
        kohya_name("lora_unet", places[path].name if original else path): layer for path, layer in targets(unet, inside)
    }


def text_layers(encoder: nn.Module, prefix: str = "lora_te") -> dict[str, nn.Module]:
    """``lora_te_text_model_…`` → layer; transformers dropped ``text_model`` from its names, the files keep it."""
    return {
        kohya_name(f"{prefix}_text_model", path.removeprefix("text_model.")): layer
        for path, layer in targets(encoder, TEXT)
    }


def kohya_name(prefix: str, path: str) -> str:
    """``a.b.0.c`` → ``prefix_a_b_0_c``."""
    return f"{prefix}_{path.replace('.', '_')}"


def targets(model: nn.Module, inside: Collection[str]) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of every Linear and Conv2d inside blocks whose class is in ``inside``, in the model's order."""
    for path, block in model.named_modules():
        if type(block).__name__ in inside:
            for below, layer in block.named_modules():
                if isinstance(layer, (nn.Linear, nn.Conv2d)):
                    yield f"{path}.{below}", layer
