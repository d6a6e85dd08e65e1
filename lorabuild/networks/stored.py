"""The layers of a file, whatever trained them: what each is, its rank and strength, and its difference.

A file is read by its tensors' names and shapes alone: no model is needed, and files of other trainers are known too.
A difference is flat: [o, i] of a linear layer, [o, i·k·k] of a convolution.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.schema.blocks import LONG, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Layer = dict[str, "Tensor"]
DORA, ALPHA = "dora_scale", "alpha"
SCALED = {DORA, ALPHA}


class Form(NamedTuple):
    """How a kind of network is stored: what must stand there, and what else may."""

    kind: str
    needs: frozenset[str]
    may: frozenset[str]


FORMS = tuple(
    Form(kind, frozenset(needs.split()), frozenset(may.split()))
    for kind, needs, may in (
        ("lora", "lora_down.weight lora_up.weight", "lora_mid.weight alpha dora_scale"),
        ("loha", "hada_w1_a hada_w1_b hada_w2_a hada_w2_b", "hada_t1 hada_t2 alpha dora_scale"),
        ("lokr", "lokr_w1 lokr_w2", "alpha dora_scale"),
        ("lokr", "lokr_w1 lokr_w2_a lokr_w2_b", "lokr_t2 alpha dora_scale"),
        ("lokr", "lokr_w1_a lokr_w1_b lokr_w2", "alpha dora_scale"),
        ("lokr", "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b", "lokr_t2 alpha dora_scale"),
        ("full", "diff", "diff_b alpha"),
        ("bias", "diff_b", "alpha"),
        ("norm", "w_norm", "b_norm alpha"),
        ("ia3", "on_input weight", "alpha"),
        ("oft", "oft_blocks", "rescale alpha"),
        ("glora", "a1.weight a2.weight b1.weight b2.weight", "alpha"),
    )
)

ADDITIVE = frozenset({"lora", "loha", "lokr", "full"})
"""Kinds whose difference does not depend on the weight below."""

ASIDE = frozenset({"norm", "bias"})
"""Kinds that stand beside others: they have no rank and give a file no type."""

NAMES = {"lora": "LoRA", "loha": "LoHa", "lokr": "LoKr", "ia3": "IA3", "oft": "OFT", "glora": "GLoRA"}
"""What people call a kind, where that is not its word."""

KERNELS = ("_conv1", "_conv2", "_in_layers_2", "_out_layers_3", "_conv", "_0_op", "_conv_in", "_conv_out")
SHORTCUTS = ("_conv_shortcut", "_skip_connection")
"""How the names of 3×3 and of 1×1 convolutions end."""

WIDE = (1024, 2048)
"""Widths of the text that later families read."""

SIMPLE = {"full": ("diff", "diff_b"), "bias": ("diff_b",), "norm": ("w_norm", "b_norm"), "ia3": ("weight",)}
"""Kinds whose effect is proportional to each of these tensors."""


def layers(state: Mapping[str, Tensor]) -> dict[str, Layer]:
    """Kohya layer name → its tensors by suffix. Raises ``ProjectError`` where names are none of kohya's."""
    found: dict[str, Layer] = {}
    for key, tensor in state.items():
        name, dot, suffix = key.partition(".")
        if not dot or not name.startswith("lora_"):
            raise ProjectError(
                f"this is no LoRA with kohya's names: it has the tensor `{key}`",
                next_step="files of diffusers and peft (`unet.….lora_A.weight`) have to be converted first",
            )
        found.setdefault(name, {})[suffix] = tensor
    return found


def state_of(found: Mapping[str, Layer]) -> dict[str, Tensor]:
    """The file's tensors again."""
    return {f"{name}.{suffix}": tensor for name, layer in found.items() for suffix, tensor in layer.items()}


def kind(layer: Layer) -> str:
    """``lora``, ``loha``, ``lokr``, ``full``, ``bias``, ``norm``, ``ia3``, ``oft``, ``glora`` or ``unknown``."""
    names = set(layer)
    return next((form.kind for form in FORMS if form.needs <= names <= form.needs | form.may), "unknown")


def rank(layer: Layer) -> int | None:
    """The inner dimension that alpha is divided by; None where there is none."""
    for name in ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"):
        if name in layer:
            return len(layer[name])
    return None


def strength(layer: Layer) -> float:
    """The factor alpha / rank; 1 where the file has no alpha, or no rank."""
    dim = rank(layer)
    return float(layer[ALPHA]) / dim if dim and ALPHA in layer else 1.0


def kernel(name: str, layer: Layer) -> tuple[int, ...]:
    """``(k, k)`` of a convolution, ``()`` of a linear layer; by the layer's name where its tensors are flat."""
    whole = next((layer[word] for word in ("lora_mid.weight", "hada_t1", "lokr_t2") if word in layer), None)
    for word in ("lora_down.weight", "lokr_w2", "diff"):
        whole = layer[word] if whole is None and word in layer else whole
    if whole is not None and whole.dim() == 4:
        return (int(whole.shape[2]), int(whole.shape[3]))
    return (3, 3) if whole is None and name.endswith(KERNELS) else ()


def points(found: Mapping[str, Layer]) -> frozenset[str]:
    """Layers of a U-Net that are 1×1 convolutions: diffusers takes a LoRA of these with four dimensions alone.

    Shortcuts are such everywhere, what stands around a transformer in the first family alone: the others have other
    names there, or read text that is wider.
    """
    readers = (one for name, one in found.items() if name.endswith("_attn2_to_k") and kind(one) in ADDITIVE)
    first = size_of(found) == LONG and all(difference(one).shape[1] not in WIDE for one in islice(readers, 1))
    ends = (*SHORTCUTS, *(("_proj_in", "_proj_out") if first else ()))
    return frozenset(name for name in found if name.endswith(ends))


def is_kernel(name: str, layer: Layer) -> bool:
    """Whether the layer sees more than one pixel: then ``conv_dim`` is its rank."""
    return any(side > 1 for side in kernel(name, layer))


def product(layer: Layer) -> tuple[Tensor, Tensor] | None:
    """``up`` [o, r] and ``down`` [r, n], float64 and without the strength, of a LoRA; None for all others."""
    if "lora_down.weight" not in layer:
        return None
    up, down = layer["lora_up.weight"].double().flatten(1), layer["lora_down.weight"].double()
    if "lora_mid.weight" in layer:
        mid = layer["lora_mid.weight"].double()
        down = torch.einsum("m n k l, n i -> m i k l", mid, down.flatten(1))
    return up, down.flatten(1)


def difference(layer: Layer) -> Tensor:
    """ΔW with its strength, flat, float64. Raises ``LorabuildError`` where it depends on the weight below."""
    held = {name: tensor.double() for name, tensor in layer.items()}
    if both := product(layer):
        return strength(layer) * (both[0] @ both[1])
    if "hada_w1_a" in held:
        first, second = (_whole(held, f"hada_w{side}", f"hada_t{side}") for side in "12")
        return strength(layer) * (first * second)
    if kind(layer) == "lokr":
        return strength(layer) * torch.kron(_whole(held, "lokr_w1", ""), _whole(held, "lokr_w2", "lokr_t2"))
    if "diff" in held:
        return held["diff"].flatten(1)
    raise LorabuildError(f"a layer of the kind {kind(layer)} has no difference of its own")


def _whole(held: Mapping[str, Tensor], name: str, core: str) -> Tensor:
    """A matrix that is stored whole, as a product, or as a product around a core (Tucker)."""
    if name in held:
        return held[name].flatten(1)
    first, second = held[f"{name}_a"], held[f"{name}_b"]
    if core in held:
        return torch.einsum("a b k l, b i, a o -> o i k l", held[core], second, first).flatten(1)
    return first @ second.flatten(1)


def norm_of(up: Tensor, down: Tensor) -> float:
    """Frobenius norm of up [o, r] · down [r, n], which is never made whole."""
    return float(((up.t() @ up) * (down @ down.t())).sum().clamp(min=0).sqrt())


def norm(layer: Layer) -> float:
    """Frobenius norm of the difference; of kinds without one, that of their factors."""
    if both := product(layer):
        return abs(strength(layer)) * norm_of(*both)
    if kind(layer) == "lokr":
        held = {name: tensor.double() for name, tensor in layer.items()}
        first, second = _whole(held, "lokr_w1", ""), _whole(held, "lokr_w2", "lokr_t2")
        return abs(strength(layer)) * float(first.norm() * second.norm())
    if kind(layer) in ADDITIVE:
        return float(difference(layer).norm())
    held_values = [tensor.double().norm() for name, tensor in layer.items() if name not in {*SCALED, "on_input"}]
    return float(torch.stack(held_values).norm()) if held_values else 0.0
