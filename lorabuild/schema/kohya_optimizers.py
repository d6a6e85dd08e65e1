"""Optimizers and schedules of the standard trainer in words of lora.yaml, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lorabuild.schema.training import Learning
from lorabuild.schema.words import shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.section import Section

Left = dict[str, str]
"""What didn't come along → why, or what to do."""

_PAGED = "its memory moves to the computer's where the GPU's is short only with adamw8bit"
_EIGHT = "its moments are kept in full, not in eight bits"
_ADAPT = "nearest is D-Adapted Adam, which is what is written"
OPTIMIZERS: dict[str, tuple[str, str, str]] = {
    "adamw": ("adamw", "AdamW", ""),
    "adamw8bit": ("adamw8bit", "AdamW8bit", ""),
    "pagedadamw8bit": ("adamw8bit", "PagedAdamW8bit", ""),
    "pagedadamw": ("adamw", "", _PAGED),
    "pagedadamw32bit": ("adamw", "", _PAGED),
    "lion": ("lion", "Lion", ""),
    "lion8bit": ("lion", "", _EIGHT),
    "pagedlion8bit": ("lion", "", _EIGHT),
    "sgd": ("sgd", "", ""),
    "sgdnesterov": ("sgd", "SGDNesterov", ""),
    "sgdnesterov8bit": ("sgd", "", _EIGHT),
    "dadaptation": ("dadaptation", "", ""),
    "dadaptadampreprint": ("dadaptation", "", ""),
    "dadaptadam": ("dadaptation", "DAdaptAdam", ""),
    "dadaptlion": ("dadaptation", "", _ADAPT),
    "dadaptsgd": ("dadaptation", "", _ADAPT),
    "dadaptadan": ("dadaptation", "", _ADAPT),
    "dadaptadagrad": ("dadaptation", "", _ADAPT),
    "prodigy": ("prodigy", "Prodigy", ""),
    "prodigyplusschedulefree": (
        "prodigy_plus_schedule_free",
        "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree",
        "",
    ),
    "adafactor": ("adafactor", "Adafactor", ""),
    "adamwschedulefree": ("adamw_schedule_free", "AdamWScheduleFree", ""),
}
"""Their name in small letters → our type, the name that ours goes by there, what is lost."""

THEIRS: dict[str, dict[str, Any]] = {
    "lion": {"weight_decay": 0.0, "betas": (0.9, 0.99)},
    "prodigy": {
        "weight_decay": 0.0,
        "betas": (0.9, 0.999),
        "decouple": True,
        "use_bias_correction": False,
        "safeguard_warmup": False,
    },
    "dadaptation": {"weight_decay": 0.0, "decouple": False},
    "sgd": {"momentum": 0.0},
    "sgdnesterov": {"momentum": 0.9, "nesterov": True},
    "sgdnesterov8bit": {"momentum": 0.9, "nesterov": True},
    "adafactor": {"relative": True},
    "adamw_schedule_free": {"weight_decay": 0.0},
}
"""What they do by our type, or their name, where nothing is written, as far as it is not what ours do."""

_ADAFACTOR = {"clip_threshold": "clip", "decay_rate": "decay", "scale_parameter": "relative"}
_RELATIVE = "it would choose the rate itself; here `lr` is the rate: 1e-4, or 0.01 with `relative: true`"
FREE = ("prodigy_plus_schedule_free", "adamw_schedule_free")
"""Types that want no schedule."""

SCHEDULES = {
    "constant": "constant",
    "constant_with_warmup": "constant",
    "linear": "linear",
    "cosine": "cosine",
    "cosine_with_restarts": "cosine_with_restarts",
    "polynomial": "polynomial",
    "cosine_with_min_lr": "cosine",
}
CLASSES = {"CosineAnnealingWarmupRestarts": "annealed_cosine", "RexAnnealingWarmRestarts": "rex", "Rex": "rex"}
"""Classes that are named as ``lr_scheduler_type``, by their last part."""


def optimizer(kind: str, args: Mapping[str, Any], rate: float) -> tuple[dict[str, Any], Left]:
    """``training.optimizer`` for a name of theirs with its arguments; and what of it was left behind."""
    name = kind.rpartition(".")[2]
    ours, _, lost = OPTIMIZERS.get(name.lower(), ("", "", ""))
    if not ours and "." in kind:
        found = {"type": "custom", "class": kind, "lr": rate}
        return found | ({"arguments": dict(args)} if args else {}), {}
    left = {kind: lost} if lost else {}
    if not ours:
        return {"type": "adamw", "lr": rate}, {kind: "unknown here: adamw takes its place"}
    section = _sections("optimizer")[ours]
    usual = THEIRS.get(name.lower()) or THEIRS.get(ours, {})
    wanted = {**usual, **(_adafactor(args, left) if ours == "adafactor" else args)}
    found = {"type": ours, "lr": rate}
    for word, value in wanted.items():
        field = section.model_fields.get(word)
        if field is None or (isinstance(value, float) and not math.isfinite(value)):
            left |= {} if field else {word: f"`{ours}` has no such argument"}
        elif _plain(value) != _plain(field.default):
            found[word] = _plain(value)
    if name.lower().startswith("paged") and ours == "adamw8bit":
        found["paged"] = True
    return found, left


def _adafactor(args: Mapping[str, Any], left: Left) -> dict[str, Any]:
    """Its arguments go by other names here; a rate that it chooses itself it doesn't know."""
    if args.get("relative_step", True):
        left["relative_step"] = _RELATIVE
    found = {_ADAFACTOR.get(name, name): value for name, value in args.items()}
    if "decay" in found:
        found["decay"] = abs(float(found["decay"]))
    return {name: value for name, value in found.items() if name not in ("relative_step", "warmup_init")}


def optimizer_back(settings: Any) -> tuple[str, dict[str, Any], Left]:
    """Their name and arguments for an optimizer of ours; and what has no equivalent."""
    if settings.type == "custom":
        return settings.class_, dict(settings.arguments), {}
    names = {ours: name for ours, name, _ in OPTIMIZERS.values() if name and not name.startswith("Paged")}
    args = {name: getattr(settings, name) for name in type(settings).model_fields if name not in ("type", "lr")}
    name, left = names[settings.type], dict[str, str]()
    if settings.type == "sgd" and not args.pop("nesterov"):
        name = "torch.optim.SGD"
    if args.pop("paged", False):
        name = "PagedAdamW8bit"
    if settings.type == "adafactor":
        args = {
            "clip_threshold": args["clip"],
            "decay_rate": -args["decay"],
            "weight_decay": args["weight_decay"],
            "scale_parameter": args["relative"],
            "relative_step": False,
            "warmup_init": False,
        }
    return name, {word: value for word, value in args.items() if value is not None}, left


def schedule(words: Mapping[str, Any], ours: str) -> tuple[dict[str, Any], Left]:
    """``training.schedule`` for their words about it, beside an optimizer of this type of ours."""
    if ours in FREE:
        return {"type": "constant"}, {}
    warmup, low = words.get("lr_warmup_steps") or 0, float(words.get("lr_scheduler_min_lr_ratio") or 0)
    name = str(words.get("lr_scheduler_type") or words.get("lr_scheduler") or "constant")
    kind = CLASSES.get(name.rpartition(".")[2]) or SCHEDULES.get(name)
    args: Mapping[str, Any] = words.get("lr_scheduler_args") or {}
    if kind is None:
        return {"type": "constant"}, {name: "no schedule of ours is like it: the rate stays the same"}
    found: dict[str, Any] = {"type": kind}
    if kind == "annealed_cosine":
        told = {word: value for word, value in args.items() if word != "gamma"}
        found |= {"gamma": args["gamma"]} if "gamma" in args else {}
        return found, dict.fromkeys(told, "cycles are `restarts` + 1 of one length, with `warmup` and `min_lr`")
    found |= {"warmup": float(warmup) if float(warmup) < 1 else int(warmup)} if warmup else {}
    if kind == "cosine_with_restarts":
        found["restarts"] = max(0, int(words.get("lr_scheduler_num_cycles") or 1) - 1)
    if kind == "polynomial":
        found["power"] = float(words.get("lr_scheduler_power") or 1)
    return found | ({"min_lr": low} if low and kind != "constant" else {}), {}


def schedule_back(settings: Any) -> tuple[dict[str, Any], Left]:
    """Their words for a schedule of ours; and what has no equivalent."""
    kind, warmup, low = settings.type, settings.warmup, getattr(settings, "min_lr", 0.0)
    words: dict[str, Any] = {"lr_scheduler": kind}
    left = {"min_lr": "only its cosine without restarts can end above 0"} if low and kind != "cosine" else {}
    if kind == "constant" and warmup:
        words["lr_scheduler"] = "constant_with_warmup"
    elif kind == "cosine_with_restarts":
        words["lr_scheduler_num_cycles"] = settings.restarts + 1
    elif kind == "polynomial":
        words["lr_scheduler_power"] = settings.power
    elif kind == "cosine" and low:
        words |= {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": low}
    elif kind in ("annealed_cosine", "rex"):
        words["lr_scheduler"] = "cosine"
        left = {kind: "it has no such schedule: cosine takes its place"}
    if kind == "annealed_cosine":
        words |= {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": settings.restarts + 1}
        return words, {kind: "its restarts don't warm up, and their peaks don't fall"}
    return words | ({"lr_warmup_steps": warmup if warmup < 1 else int(warmup)} if warmup else {}), left


def _sections(word: str) -> dict[str, type[Section]]:
    return dict(shape(Learning.model_fields[word].annotation).variants)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
