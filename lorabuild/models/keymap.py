"""The names of Stable Diffusion's tensors in diffusers' and transformers' spelling, and in original (LDM) files.

One direction is written down; the other is looked up: the names of an opened module are known, so whatever goes to LDM
comes back. ``unet`` and ``vae`` take the names of the whole part, ``clip`` and ``open_clip`` need none of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor


class Place(NamedTuple):
    """Where a tensor is in an LDM file.

    Attributes:
        name: there.
        form: ``same``; ``conv``: as a 1x1 convolution; ``turned``: transposed; ``q``, ``k``, ``v``: a third of it.
    """

    name: str
    form: Literal["same", "conv", "turned", "q", "k", "v"] = "same"


THIRDS = ("q", "k", "v")
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
OPEN_CLIP_ENDS = {
    "embeddings.token_embedding.weight": Place("token_embedding.weight"),
    "embeddings.position_embedding.weight": Place("positional_embedding"),
    "final_layer_norm.weight": Place("ln_final.weight"),
    "final_layer_norm.bias": Place("ln_final.bias"),
    "text_projection.weight": Place("text_projection", "turned"),
}
BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")


def unet(names: Iterable[str]) -> dict[str, Place]:
    """Every tensor or layer of a U-Net → its place."""
    known = list(names)
    blocks = [found for name in known if (found := BLOCK.match(name))]
    stage = 1 + max(int(found[4]) for found in blocks if found[1] == "down" and found[3] == "resnets")
    attended = {int(found[2]) for found in blocks if found[1] == "up" and found[3] == "attentions"}
    return {name: Place(_unet(name, stage, attended)) for name in known}


def _unet(name: str, stage: int, attended: set[int]) -> str:
    """``stage``: residual blocks of a down block; its down-scaling and an up block's last one make it one more."""
    if block := BLOCK.match(name):
        side, number, kind, place, rest = block[1], int(block[2]), block[3], int(block[4]), block[5]
        first = number * (stage + 1) + place
        if kind == "downsamplers":
            return f"input_blocks.{(number + 1) * (stage + 1)}.0.{rest.replace('conv', 'op', 1)}"
        if kind == "upsamplers":
            return f"output_blocks.{first + stage}.{1 + (number in attended)}.{rest}"
        where = f"input_blocks.{1 + first}" if side == "down" else f"output_blocks.{first}"
        return f"{where}.0.{_renamed(rest, RESNET)}" if kind == "resnets" else f"{where}.1.{rest}"
    if middle := MIDDLE.match(name):
        kind, place, rest = middle[1], int(middle[2]), middle[3]
        return f"middle_block.{2 * place}.{_renamed(rest, RESNET)}" if kind == "resnets" else f"middle_block.1.{rest}"
    return _renamed(name, UNET_ENDS)


def vae(names: Iterable[str]) -> dict[str, Place]:
    """Every tensor of an autoencoder → its place; an original decoder counts its blocks from the far end."""
    known = list(names)
    last = max(int(found[2]) for name in known if (found := BLOCK.search(name)) and found[1] == "up")
    return {name: _vae(name, last) for name in known}


def _vae(name: str, last: int) -> Place:
    side, _, inner = name.partition(".")
    if block := BLOCK.match(inner):
        number = int(block[2]) if block[1] == "down" else last - int(block[2])
        kind = {"resnets": f"block.{block[4]}", "downsamplers": "downsample", "upsamplers": "upsample"}[block[3]]
        return Place(f"{side}.{block[1]}.{number}.{kind}.{block[5].replace('conv_shortcut', 'nin_shortcut')}")
    if middle := MIDDLE.match(inner):
        if middle[1] == "resnets":
            return Place(f"{side}.mid.block_{int(middle[2]) + 1}.{middle[3]}")
        spelled = _renamed(middle[3], VAE_ATTENTION)
        conv = spelled.endswith("weight") and not spelled.startswith("norm")
        return Place(f"{side}.mid.attn_1.{spelled}", "conv" if conv else "same")
    return Place(f"{side}.{inner.replace('conv_norm_out', 'norm_out')}" if inner else name)


def clip(names: Iterable[str]) -> dict[str, Place]:
    """CLIP keeps transformers' names, below ``text_model``."""
    return {name: Place(f"text_model.{name.removeprefix('text_model.')}") for name in names}


def open_clip(names: Iterable[str]) -> dict[str, Place]:
    """OpenCLIP keeps query, key and value in one tensor."""
    return {name: _open_clip(name.removeprefix("text_model.")) for name in names}


def _open_clip(name: str) -> Place:
    if name in OPEN_CLIP_ENDS:
        return OPEN_CLIP_ENDS[name]
    number, _, rest = name.removeprefix("encoder.layers.").partition(".")
    block = f"transformer.resblocks.{number}"
    if third := re.match(r"self_attn\.([qkv])_proj\.(weight|bias)", rest):
        return Place(f"{block}.attn.in_proj_{third[2]}", third[1])  # type: ignore[arg-type]
    return Place(f"{block}.{_renamed(rest, OPEN_CLIP)}")


def _renamed(name: str, table: Mapping[str, str]) -> str:
    found = next((ours for ours in table if name == ours or name.startswith(f"{ours}.")), None)
    return name if found is None else table[found] + name.removeprefix(found)


def taken(place: Place, tensor: Tensor) -> Tensor:
    """A part's tensor from the LDM tensor at its place."""
    if place.form in THIRDS:
        return tensor.chunk(3)[THIRDS.index(place.form)]
    if place.form == "turned":
        return tensor.t()
    return tensor.flatten(1) if place.form == "conv" else tensor


def to_ldm(state: Mapping[str, Tensor], spelled: Callable[[Iterable[str]], dict[str, Place]]) -> dict[str, Tensor]:
    """The tensors of a part as an original file holds them, without the part's prefix."""
    made: dict[str, Tensor] = {}
    thirds: dict[str, dict[str, Tensor]] = {}
    for name, place in spelled(state).items():
        tensor = state[name]
        if place.form in THIRDS:
            thirds.setdefault(place.name, {})[place.form] = tensor
        else:
            forms = {"conv": lambda held: held[..., None, None], "turned": lambda held: held.t().contiguous()}
            made[place.name] = forms.get(place.form, lambda held: held)(tensor)
    return made | {name: torch.cat([held[third] for third in THIRDS]) for name, held in thirds.items()}


def from_ldm(
    names: Iterable[str], held: Mapping[str, Tensor], spelled: Callable[[Iterable[str]], dict[str, Place]]
) -> dict[str, Tensor]:
    """A part's tensors, by its own names, out of an original file's."""
    return {name: taken(place, held[place.name]) for name, place in spelled(names).items()}
