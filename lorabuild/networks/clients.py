"""Which programs load a network exactly, said before it is trained. It knows no library.

Measured with ComfyUI 0.3.64, the web UI 1.10.1 and diffusers 0.42.1: the files of every type, loaded by each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorabuild.schema.network import Network

COMFYUI, WEBUI, DIFFUSERS = "ComfyUI", "AUTOMATIC1111", "diffusers"
CLIENTS = (COMFYUI, WEBUI, "Forge", DIFFUSERS)
PLAIN = frozenset({"lora", "locon", "dylora", "lora_fa"})
"""Types whose file is a LoRA."""


def exact(network: Network) -> tuple[str, ...]:
    """The clients that draw with this file what was trained."""
    if network.type == "ia3":
        return (WEBUI,)
    return CLIENTS if network.type in PLAIN and not _dora(network) else CLIENTS[:-1]


SUMS = frozenset({"loha", "lokr", "full"})
"""Types that ``resize`` makes a LoRA of."""


def said(network: Network, *, open_clip: bool, resized: bool = False) -> list[str]:
    """One sentence for every client that does not load it, or not exactly; empty where all do.

    ``open_clip``: whether a text encoder of the base is OpenCLIP's, whose attention has one weight for q, k and v;
    ``resized``: whether ``finish:`` gives it other ranks.
    """
    lines = []
    if network.type == "ia3":
        lines.append("ComfyUI and Forge can't load IA3: they report unknown keys and draw without it")
    if network.type not in PLAIN and not (resized and network.type in SUMS):
        lines.append(f"diffusers can't load {network.type} files: it refuses them")
    elif _dora(network):
        lines.append("diffusers drops the magnitudes of a DoRA and draws with the rest as a plain LoRA, which is wrong")
    if open_clip and _few_of_attention(network):
        lines.append(
            "AUTOMATIC1111 applies nothing to an OpenCLIP text encoder (Stable Diffusion 2, and the second one of XL) "
            "unless q, k, v and out are all there"
        )
    return lines


def _dora(network: Network) -> bool:
    words: Any = network
    return bool(getattr(words, "dora", False))


def _few_of_attention(network: Network) -> bool:
    """Whether patterns may keep some of a text encoder's attention layers and leave out others."""
    from fnmatch import fnmatchcase

    names = [f"lora_te2_text_model_encoder_layers_0_self_attn_{side}_proj" for side in ("q", "k", "v", "out")]
    kept = [
        (not network.only or any(fnmatchcase(name, one) for one in network.only))
        and not any(fnmatchcase(name, one) for one in network.without)
        for name in names
    ]
    return any(kept) and not all(kept)
