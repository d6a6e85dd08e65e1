"""How the standard trainer trains, in words of lora.yaml: network, optimizer, rates, schedule, length, loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lorabuild.schema.families import FACTS
from lorabuild.schema.kohya_network import network
from lorabuild.schema.kohya_optimizers import optimizer, schedule
from lorabuild.schema.moving import DEFAULT, MAPPED
from lorabuild.schema.moving import NOTHING as LEFT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.moving import Moving

_SCHEDULE = (
    *("lr_scheduler", "lr_scheduler_type", "lr_warmup_steps", "lr_scheduler_num_cycles", "lr_scheduler_power"),
    *("lr_scheduler_min_lr_ratio", "lr_scheduler_args"),
)
_HUBER = ("schedule", "c", "scale")


def trained(moving: Moving) -> None:
    """Everything about the training but its length."""
    _network(moving)
    _learning(moving)
    _loss(moving)


def _network(moving: Moving) -> None:
    module, args = str(moving.get("network_module", "networks.lora")), moving.get("network_args", {})
    size = FACTS[moving.sections["base"]["family"]].blocks
    dim, alpha = moving.get("network_dim"), moving.get("network_alpha")
    dropout = float(moving.get("network_dropout", 0))
    found, beside, left = network(module, dim, alpha, args, dropout, size)
    for word, value in found.items():
        keys = {"type": ("network_module",), "dim": ("network_dim",), "alpha": ("network_alpha",)}
        moving.put(f"network.{word}", value, *keys.get(word, ("network_dropout",) if word == "dropout" else ()))
    for dotted, value in beside.items():
        moving.put(dotted, float(value))
    _arguments(moving, "network_args", args, left, "network")
    moving.tell(DEFAULT, f"`{found['type']}` has none", "network_dim", "network_alpha", "network_dropout")


def _arguments(moving: Moving, key: str, args: Mapping[str, Any], left: Mapping[str, str], section: str) -> None:
    """Say what became of the arguments in a list of them."""
    came = [f"{name}={value}" for name, value in args.items() if name not in left]
    if key in moving.given:
        moving.words[key] = ", ".join(came)
        moving.tell(MAPPED if came else DEFAULT, f"in `{section}:`" if came else "nothing of it came along", key)
    for name, why in left.items():
        moving.words[f"{key} {name}"] = args.get(name, "")
        moving.given |= {f"{key} {name}"}
        moving.tell(LEFT, why, f"{key} {name}")


def _learning(moving: Moving) -> None:
    """Optimizer, rates and schedule."""
    switch = "use_8bit_adam" if moving.get("use_8bit_adam") else "use_lion_optimizer"
    older = {"use_8bit_adam": "AdamW8bit", "use_lion_optimizer": "Lion"}[switch] if moving.get(switch) else ""
    kind = str(older or moving.get("optimizer_type"))
    moving.tell(MAPPED if older else DEFAULT, f"optimizer {kind}", "use_8bit_adam", "use_lion_optimizer")
    args = moving.get("optimizer_args", {})
    rate = _rates(moving)
    found, left = optimizer(kind, args, rate)
    moving.put("training.optimizer", found, "optimizer_type")
    _arguments(moving, "optimizer_args", args, left, "training.optimizer")
    planned, left = schedule({key: moving.get(key) for key in _SCHEDULE}, found["type"])
    moving.put("training.schedule", planned, *_SCHEDULE)
    for name, why in left.items():
        moving.tell(LEFT, f"{name}: {why}", "lr_scheduler_type" if moving.get("lr_scheduler_type") else "lr_scheduler")
    precision = {"no": "fp32"}.get(str(moving.get("mixed_precision")), str(moving.get("mixed_precision")))
    moving.put("training.precision", precision, "mixed_precision")


def _rates(moving: Moving) -> float:
    """The rates of parts; returns the one of the optimizer."""
    rate, unet, text = (moving.get(key) for key in ("learning_rate", "unet_lr", "text_encoder_lr"))
    texts = [float(one) for one in (text if isinstance(text, (list, tuple)) else [text]) if one is not None]
    end = float(moving.get("stop_text_encoder_training", 0))
    only = {"unet": moving.get("network_train_unet_only") or end < 0 or texts[:1] == [0.0]}
    only["text_encoder"] = moving.get("network_train_text_encoder_only")
    part = next((name for name, alone in only.items() if alone), "both")
    flags = ("network_train_unet_only", "network_train_text_encoder_only")
    if part == "both":
        moving.tell(DEFAULT, "both are trained", *flags)
    moving.put("training.train", part, *(flags if part != "both" else ()))
    unet = float(unet) if unet and part != "text_encoder" else None
    texts = texts if part != "unet" else []
    if "learning_rate" not in moving.given and (unet or texts):
        rate = unet or texts[0]
    elif unet and (not texts or texts[0] == unet) and (part != "both" or texts):
        rate = unet
    wanted = {"training.unet_lr": unet, "training.text_encoder_lr": next(iter(texts), None)}
    wanted["training.text_encoder_2_lr"] = texts[1] if len(texts) > 1 and texts[1] != texts[0] else None
    moving.tell(MAPPED, f"training.optimizer.lr: {rate}", "learning_rate", dotted="training.optimizer.lr")
    for dotted, value in wanted.items():
        key = "unet_lr" if dotted.endswith("unet_lr") else "text_encoder_lr"
        if value and value != float(rate):
            moving.put(dotted, value, key)
        elif value:
            moving.tell(MAPPED, f"training.optimizer.lr: {rate}", key)
    moving.tell(DEFAULT, f"`training.train` is {part}", "unet_lr", "text_encoder_lr")
    if end > 0 and part == "both":
        moving.put("training.text_encoder_end", end if end < 1 else int(end), "stop_text_encoder_training")
    else:
        moving.tell(DEFAULT, f"`training.train` is {part}", "stop_text_encoder_training")
    return float(rate)


def length(moving: Moving, looks: int) -> None:
    """Epochs; a number of optimizer steps becomes the epochs that it begins. ``looks``: image steps of an epoch."""
    epochs, steps = moving.get("max_train_epochs"), moving.get("max_train_steps", 1600)
    if epochs:
        moving.put("budget.epochs", int(float(epochs)), "max_train_epochs")
        moving.tell(DEFAULT, "`max_train_epochs` wins over it", "max_train_steps")
        return
    batch = int(moving.get("batch_size")) * int(moving.get("gradient_accumulation_steps", 1))
    each = max(1, math.ceil(looks / batch))
    epochs = max(1, math.ceil(int(float(steps)) / each))
    moving.put("budget.epochs", epochs)
    what = f"budget.epochs: {epochs}, of about {each} optimizer steps each; it would stop inside the last"
    moving.tell(MAPPED, what, "max_train_steps", dotted="budget.epochs")


def _loss(moving: Moving) -> None:
    kind = str(moving.get("loss_type", "l2"))
    args = {word: moving.get(f"huber_{word}") for word in _HUBER}
    keys = [f"huber_{word}" for word in _HUBER]
    if kind in ("huber", "smooth_l1"):
        moving.put("training.loss", {"type": kind} | {word: value for word, value in args.items() if value}, *keys)
        moving.tell(MAPPED, f"training.loss.type: {kind}", "loss_type")
    else:
        moving.put("training.loss", {"type": kind}, "loss_type") if kind != "l2" else None
        moving.tell(DEFAULT, f"the loss is {kind}", *keys, *([] if kind != "l2" else ["loss_type"]))
