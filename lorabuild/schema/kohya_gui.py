"""Presets of the web GUI (kohya_ss): its own words in those of sd-scripts, which it would start with them."""

from __future__ import annotations

from typing import Any

RENAMED = {
    "max_resolution": "resolution",
    "optimizer": "optimizer_type",
    "train_batch_size": "batch_size",
    "lora_network_weights": "network_weights",
    "stop_text_encoder_training_pct": "stop_text_encoder_training",
    "lr_warmup": "lr_warmup_steps",
    "epoch": "max_train_epochs",
}
LEARNED = frozenset({"LoRA_type", "noise_offset_type"})
"""Words that only a preset of the GUI has."""

NETWORK_WORDS = (
    *("conv_dim", "conv_alpha", "rank_dropout", "module_dropout", "down_lr_weight", "mid_lr_weight", "up_lr_weight"),
    *("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas", "factor", "decompose_both", "unit"),
    *("train_on_input", "dora_wd", "loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio"),
)
TYPES = {
    "Standard": ("networks.lora", None),
    "Kohya LoCon": ("networks.lora", None),
    "Kohya DyLoRA": ("networks.dylora", None),
    "LoRA-FA": ("networks.lora_fa", None),
    "LoCon": ("lycoris.kohya", "locon"),
    "LyCORIS/LoCon": ("lycoris.kohya", "locon"),
    "LyCORIS/LoHa": ("lycoris.kohya", "loha"),
    "LyCORIS/LoKr": ("lycoris.kohya", "lokr"),
    "LyCORIS/iA3": ("lycoris.kohya", "ia3"),
    "LyCORIS/DyLoRA": ("lycoris.kohya", "dylora"),
    "LyCORIS/Diag-OFT": ("lycoris.kohya", "diag-oft"),
    "LyCORIS/BOFT": ("lycoris.kohya", "boft"),
    "LyCORIS/GLoRA": ("lycoris.kohya", "glora"),
    "LyCORIS/Native Fine-Tuning": ("lycoris.kohya", "full"),
}
ZERO_COUNTS = ("max_grad_norm", "prior_loss_weight")
CONVOLVING = ("Kohya LoCon", "Kohya DyLoRA", "LoRA-FA")
"""Types of the GUI beside LyCORIS' that use the fields for convolutions; others show them and leave them out."""


def from_gui(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The words of sd-scripts, and for each that the GUI calls otherwise its name there."""
    words = {name: value for name, value in data.items() if value not in (None, "", "None")}
    _length(words)
    _rates(words)
    _network(words)
    for name in ("lr_warmup", "stop_text_encoder_training", "stop_text_encoder_training_pct"):
        if name in words:  # per cent of all steps
            words[name] = float(words[name]) / 100
    if float(words.get("lr_warmup_steps") or 0):
        words.pop("lr_warmup", None)
    names = {new: old for old, new in RENAMED.items() if old in words}
    names |= {"network_module": f"LoRA_type {data['LoRA_type']}"} if "LoRA_type" in data else {}
    return {RENAMED.get(name, name): value for name, value in words.items() if _says(name, value)}, names


def _says(name: str, value: Any) -> bool:
    """Whether a field says anything: most are there with a 0 when they are not used."""
    return name in ZERO_COUNTS or str(value) not in ("0", "0.0")


def _length(words: dict[str, Any]) -> None:
    """Steps win over epochs when they are written; ``max_train_epochs`` wins over both."""
    if float(words.get("max_train_epochs") or 0):
        words.pop("epoch", None)
        words.pop("max_train_steps", None)
    elif float(words.get("max_train_steps") or 0):
        words.pop("epoch", None)
        words.pop("max_train_epochs", None)
    else:
        words.pop("max_train_epochs", None)


def _rates(words: dict[str, Any]) -> None:
    """A rate of 0 beside one above 0 leaves that part out of the training."""
    unet, text = (float(words.get(name) or 0) for name in ("unet_lr", "text_encoder_lr"))
    if unet and not text:
        words["network_train_unet_only"] = True
    elif text and not unet:
        words["network_train_text_encoder_only"] = True


def _network(words: dict[str, Any]) -> None:
    """The fields of the network's page as the arguments that they become."""
    kind = str(words.get("LoRA_type", "Standard"))
    module, algo = TYPES.get(kind, ("", None))
    fields = {name: words.pop(name) for name in NETWORK_WORDS if name in words}
    if not algo and kind not in CONVOLVING:
        fields = {name: value for name, value in fields.items() if not name.startswith("conv")}
    unused = {"factor", "decompose_both"} if algo != "lokr" else set()
    unused |= {"unit"} if "dylora" not in (algo, module.rpartition(".")[2]) else set()
    unused |= {"train_on_input"} if algo != "ia3" else set()
    used = {name: value for name, value in fields.items() if name not in unused and str(value) not in ("0", "0.0")}
    used = {name: value for name, value in used.items() if value is not False}
    words |= {"network_module": module or kind, "network_args": used | ({"algo": algo} if algo else {})}
    words.pop("LoRA_type", None)
