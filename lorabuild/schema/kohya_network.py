"""Networks of the standard trainer and of LyCORIS in words of lora.yaml, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.blocks import BASE, CURVES, LONG, MIDDLE, expanded, ids
from lorabuild.schema.network import Network
from lorabuild.schema.words import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Left = dict[str, str]
MODULES = {"lora": "lora", "dylora": "dylora", "lora_fa": "lora_fa", "oft": "diag_oft"}
ALGOS = {
    "lora": "locon",
    "locon": "locon",
    "loha": "loha",
    "lokr": "lokr",
    "ia3": "ia3",
    "dylora": "dylora",
    "diag-oft": "diag_oft",
    "full": "full",
}
_RATES = ("down_lr_weight", "mid_lr_weight", "up_lr_weight")
_BY_BLOCK = ("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas")
_KNOWN = {"dora_wd": "dora", "block_size": "unit", "conv_dim": "conv_dim", "conv_alpha": "conv_alpha"}
_BESIDE = {"loraplus_lr_ratio": "training.loraplus_ratio", "loraplus_unet_lr_ratio": "training.loraplus_ratio"}
"""Arguments of a network that are words of the training here."""

_OFT = "its OFT has a constraint, which clients don't apply: Diag-OFT without one takes its place"
_UNKNOWN = "lorabuild has no such network: LoRA takes its place"
_CONVOLUTIONS = "preset `{}` leaves the convolutions alone"


def network(
    module: str, dim: int, alpha: float, args: Mapping[str, Any], dropout: float, size: int
) -> tuple[dict[str, Any], dict[str, Any], Left]:
    """``network:`` for a module with its arguments; words that belong elsewhere; and what was left behind.

    ``size`` is the number of input blocks of the family's U-Net.
    """
    found, left, given = _kind(module, dict(args)), dict[str, str](), dict(args)
    if "" in found:
        left[module if "algo" not in args else str(args["algo"])] = found.pop("")
    section = dict(shape(Network).variants)[found["type"]].model_fields
    wanted: dict[str, Any] = {"dim": int(dim), "alpha": _number(alpha), **({"dropout": dropout} if dropout else {})}
    if lycoris := "algo" in given or "lycoris" in module:
        wanted["conv_dim"] = int(given.get("conv_dim") or dim)
        wanted["conv_alpha"] = _number(given.get("conv_alpha") or alpha)
    wanted |= {_KNOWN.get(name, name): value for name, value in given.items() if value not in (None, "", False, 0)}
    wanted.pop("algo", None)
    preset = str(wanted.pop("preset", ""))
    if lycoris and preset.startswith("attn"):
        wanted.pop("conv_dim")
        wanted.pop("conv_alpha", None)
        left["preset"] = _CONVOLUTIONS.format(preset)
    if found["type"] == "locon" and not wanted.get("conv_dim"):
        found["type"] = "lora"
    blocks = _rates({name: wanted.pop(name) for name in _RATES if name in wanted}, size)
    wanted |= {"blocks": blocks} if blocks else {}
    for name in _BY_BLOCK:
        if name in wanted:
            wanted[name] = _by_block(wanted[name], wanted["dim" if name.endswith("dims") else "alpha"], size)
    beside = {_BESIDE[name]: wanted.pop(name) for name in [*wanted] if name in _BESIDE}
    for name, value in wanted.items():
        if name in section or (name in ("alpha", "conv_alpha") and found["type"] != "lora"):
            found |= {name: value} if name in section else {}
        elif name not in ("dim", "conv_dim", "conv_alpha", "train_on_input"):
            left[name] = f"`{found['type']}` has no such word"
    return found, beside, left


def _kind(module: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The type; under no name what is lost by it."""
    name = module.rpartition(".")[2]
    if "lycoris" in module:
        algo = str(args.get("algo", "lora")).lower()
        return {"type": ALGOS[algo]} if algo in ALGOS else {"type": "lora", "": _UNKNOWN}
    if name not in MODULES:
        return {"type": "lora", "": _UNKNOWN}
    if name == "lora" and int(args.get("conv_dim") or 0):
        return {"type": "locon"}
    return {"type": MODULES[name], **({"": _OFT} if name == "oft" else {})}


def _number(value: Any) -> float:
    number = float(value)
    return int(number) if number.is_integer() else number


def _values(value: Any) -> list[float]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    return [_number(part) for part in parts]


def _rates(given: Mapping[str, Any], size: int) -> Any:
    """Rates of blocks: a list with all of them, or curves by name."""
    if any(str(value).partition("+")[0] in CURVES for value in given.values()):
        sides = {"down_lr_weight": "IN", "up_lr_weight": "OUT"}
        found = {f"{sides[name]} {value}": 1 for name, value in given.items() if name in sides}
        return found | ({MIDDLE: _values(given["mid_lr_weight"])[0]} if "mid_lr_weight" in given else {})
    if not given:
        return None
    down, middle, up = (
        _values(given.get(name, [1] * count)) for name, count in zip(_RATES, (size, 1, size), strict=True)
    )
    return [1, *down[:size], middle[0], *up[:size]]


def _by_block(value: Any, base: float, size: int) -> list[float]:
    """Their list of 25 values, or 23 of a short U-Net, in our notation, which begins with the text encoder."""
    found = _values(value)
    if size == LONG or len(found) == 2 * size + 1:
        return [base, *found]
    return [base, *found[1 : size + 1], found[size + 1], *found[size + 4 : 2 * size + 4]]


def network_back(settings: Any, size: int) -> tuple[dict[str, Any], Left]:
    """Their words for a network of ours; and what has no equivalent."""
    kind, left = settings.type, dict[str, str]()
    said = {name: getattr(settings, name) for name in type(settings).model_fields if getattr(settings, name)}
    algo = {ours: theirs for theirs, ours in ALGOS.items() if theirs not in ("lora", "dylora")}.get(kind)
    plain = kind in ("lora", "locon") and not said.get("dora") and not said.get("rs_lora")
    lycoris = not plain and kind not in ("dylora", "lora_fa")
    args: dict[str, Any] = {"algo": algo or "lora"} if lycoris else {}
    names = ("conv_dim", "conv_alpha", "rank_dropout", "module_dropout", "factor", "decompose_both", "unit")
    args |= {name: said[name] for name in names if name in said}
    args |= {"dora_wd": True} if said.get("dora") else {}
    args |= {"rs_lora": True} if said.get("rs_lora") else {}
    if not args.get("conv_dim"):
        args.pop("conv_alpha", None)
        args |= {"preset": "attn-mlp"} if lycoris and kind != "ia3" else {}
    args |= _rates_back(said.get("blocks"), size)
    for name in _BY_BLOCK:
        if name in said:
            args[name] = _by_block_back(
                said[name], getattr(settings, name.removesuffix("s").replace("block_", "")), size
            )
    for name in ("only", "without", "layer_lrs", "layer_dims", "layer_alphas"):
        if name in said and kind != "ia3":
            left[f"network.{name}"] = "it knows blocks, not patterns of layers"
    words: dict[str, Any] = {"network_module": "lycoris.kohya" if lycoris else f"networks.{'lora' if plain else kind}"}
    words |= {"network_dim": said.get("dim", 1), "network_alpha": said.get("alpha", 1), "network_args": args}
    return words | ({"network_dropout": said["dropout"]} if "dropout" in said else {}), left


def _rates_back(blocks: Any, size: int) -> dict[str, str]:
    if not blocks:
        return {}
    found = {**dict.fromkeys(ids(size), 1.0), **expanded(blocks, size)}
    ins, outs = ([found[f"{side}{number:02}"] for number in range(size)] for side in ("IN", "OUT"))
    middle = [found[MIDDLE]] * (1 if size == LONG else 3)
    return {name: _listed(values) for name, values in zip(_RATES, (ins, middle, outs), strict=True)}


def _by_block_back(blocks: Any, base: float, size: int) -> str:
    found = {**dict.fromkeys(ids(size), base), **expanded(blocks, size, curves=False)}
    found.pop(BASE)
    values = [*found.values()]
    if size == LONG:
        return _listed(values)
    return _listed([0, *values[:size], *[values[size]] * 3, *values[size + 1 :], 0])


def _listed(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
