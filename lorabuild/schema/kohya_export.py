"""A project in words of the standard trainer, for config.toml and dataset.toml, and what has no equivalent there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.schema.families import FACTS
from lorabuild.schema.kohya_network import network_back
from lorabuild.schema.kohya_optimizers import optimizer_back, schedule_back
from lorabuild.schema.kohya_words import DEFAULTS, DIRECT, NEEDS, SAMPLERS
from lorabuild.schema.prompt_lines import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.schema.project import Project

SUBSET = frozenset(
    {
        *("caption_dropout_every_n_epochs", "caption_dropout_rate", "caption_prefix", "caption_suffix", "color_aug"),
        *("caption_tag_dropout_rate", "enable_wildcard", "flip_aug", "keep_tokens", "keep_tokens_separator"),
        *("random_crop", "secondary_separator", "shuffle_caption", "token_warmup_min", "token_warmup_step"),
    }
)
DATASET = frozenset({"batch_size", "bucket_reso_steps", "max_bucket_reso", "min_bucket_reso", "validation_split"})
_COVERED = (
    *("name", "base.model", "base.family", "base.prediction", "base.vae", "triggers", "concepts", "captions", "budget"),
    *("images.resolution", "images.buckets", "images.masks", "images.background", "images.cache", "regularization"),
    *("images.more_resolutions", "images.for_", "images.erase", "images.trim", "images.crop", "images.restore"),
    *("images.upscale", "images.pad", "images.mask_model", "images.detector", "images.duplicates"),  # its images are so
    *("network", "training.optimizer", "training.schedule", "training.loss", "training.precision", "training.train"),
    *("training.unet_lr", "training.text_encoder_lr", "training.text_encoder_2_lr", "training.text_encoder_end"),
    *("training.loraplus_ratio", "training.gradient_checkpointing", "training.log", "training.on_change"),
    *("training.rehearsal", "training.save_state_every", "training.deterministic", "training.caption_variants"),
    *("samples", "output", "device", "store", "lint", "judge"),
)
_ADVICE = {
    "variants": "export them one by one, with `--set`",
    "training.ema": "it keeps no average of the weights",
    "training.early_stop": "it trains all its epochs: choose an earlier one",
    "finish": "use its scripts on the result",
    "kind": "sliders are trained otherwise there",
}
_PRECISION = {"fp32": "no"}


@dataclass(slots=True)
class Words:
    """What the standard trainer is told.

    Attributes:
        config: for config.toml.
        dataset: for a dataset, and ``subset`` for every folder of it.
        prompts: lines of the file with sample prompts.
        left: word of lora.yaml → why it stays behind.
    """

    config: dict[str, Any]
    dataset: dict[str, Any]
    subset: dict[str, Any]
    prompts: list[str]
    left: dict[str, str] = field(default_factory=dict)


def exported(project: Project, model: str, vae: str | None, prompts: Sequence[Mapping[str, Any]] = ()) -> Words:
    """Everything that lora.yaml says, but for folders and buckets; models as they are to be named.

    ``prompts`` are those of ``samples.file``.
    """
    direct = dict(_direct(project))
    direct = {key: value for key, value in direct.items() if key not in NEEDS or {*NEEDS[key]} & direct.keys()}
    if project.regularization:
        direct["prior_loss_weight"] = project.regularization.prior_loss_weight
    subset = {key: value for key, value in direct.items() if key in SUBSET}
    dataset = {key: value for key, value in direct.items() if key in DATASET}
    rest = {key: value for key, value in direct.items() if key not in SUBSET | DATASET}
    words = Words({}, dataset, {"caption_extension": ".txt", **subset}, _prompts(project, prompts))
    facts, training = FACTS[project.base.family], project.training
    v_prediction = project.base.prediction == "v_prediction"
    words.config = {
        "pretrained_model_name_or_path": model,
        **({"vae": vae} if vae else {}),
        **({"v2": True} if facts.v2 else {}),
        **({"v_parameterization": True} if v_prediction else {}),
        "dataset_config": "dataset.toml",
        "output_dir": "out",
        "output_name": project.name,
        "save_model_as": "safetensors",
        "save_precision": "fp16",
        "save_every_n_epochs": 1,
        "max_train_epochs": project.budget.epochs,
        "mixed_precision": _PRECISION.get(training.precision, training.precision),
        **_learning(project, words.left),
        **rest,
        "cache_latents": project.images.cache,
        **({"gradient_checkpointing": True} if training.gradient_checkpointing == "always" else {}),
        **({"sample_prompts": "sample_prompts.txt", "sample_every_n_epochs": 1} if words.prompts else {}),
    }
    if words.config.get("max_token_length") == DEFAULTS["max_token_length"]:
        del words.config["max_token_length"]  # it knows 75 by no number
    words.left |= _left(project)
    return words


def _direct(project: Project) -> Iterator[tuple[str, Any]]:
    """Words that mean the same under another name, where they say something."""
    for key, dotted in DIRECT.items():
        value = _at(project, dotted)
        if value not in (None, "", 0, False) or (key in ("max_grad_norm", "seed") and value is not None):
            yield key, value


def _at(project: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        project = getattr(project, name, None)
    return project


def _learning(project: Project, left: dict[str, str]) -> dict[str, Any]:
    """Network, optimizer, rates, schedule and loss."""
    training, facts = project.training, FACTS[project.base.family]
    name, args, lost = optimizer_back(training.optimizer)
    planned, behind = schedule_back(training.schedule)
    network, lacking = network_back(project.network, facts.blocks)
    left |= {f"training.optimizer.{word}": why for word, why in lost.items()} | lacking
    left |= {f"training.schedule.{word}": why for word, why in behind.items()}
    pairs = network.pop("network_args")
    if training.loraplus_ratio:
        pairs["loraplus_lr_ratio"] = training.loraplus_ratio
    texts = [training.text_encoder_lr, training.text_encoder_2_lr]
    rates: dict[str, Any] = {"learning_rate": training.optimizer.lr, "unet_lr": training.unet_lr}
    rates["text_encoder_lr"] = [texts[0] or training.optimizer.lr, texts[1]] if texts[1] else texts[0]
    parts = {"unet": "network_train_unet_only", "text_encoder": "network_train_text_encoder_only"}
    rates |= {parts[training.train]: True} if training.train in parts else {}
    if training.text_encoder_end:
        left["training.text_encoder_end"] = "it trains the text encoder to the end, or not at all"
    return {
        **network,
        "network_args": [f"{word}={value}" for word, value in pairs.items()],
        **rates,
        "optimizer_type": name,
        "optimizer_args": [f"{word}={_literal(value)}" for word, value in args.items()],
        **planned,
        **_loss(training.loss, left),
    }


def _literal(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _loss(loss: Any, left: dict[str, str]) -> dict[str, Any]:
    if loss.type in ("huber", "smooth_l1"):
        return {"loss_type": loss.type, **{f"huber_{word}": getattr(loss, word) for word in ("schedule", "c", "scale")}}
    if loss.type == "log_cosh":
        left["training.loss"] = "it knows l1, l2, huber and smooth_l1: l2 takes its place"
        return {}
    return {"loss_type": loss.type} if loss.type != "l2" else {}


def _prompts(project: Project, more: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a prompt, with its options; ``more`` are those of a file."""
    samples, side = project.samples, project.images.resolution
    usual: dict[str, Any] = {"width": samples.width or side, "height": samples.height or side, "steps": samples.steps}
    usual |= {"cfg": samples.cfg, "seed": samples.seed, "negative": samples.negative, "sampler": samples.sampler}
    samplers = {ours: theirs for theirs, ours in SAMPLERS.items()}
    lines = []
    for one in [*(prompt.model_dump(exclude_none=True) for prompt in samples.prompts), *more]:
        words = {**usual, **one, "prompt": " ".join(str(one["prompt"]).split())}
        words["sampler"] = samplers.get(str(words["sampler"]))
        lines.append(written({word: value for word, value in words.items() if value and word != "weight"}))
    return lines


def _left(project: Project) -> dict[str, str]:
    """Words that say something and that nothing there answers to."""
    covered = {*_COVERED, *DIRECT.values()}
    found = dict[str, str]()
    for dotted in _said(project.model_dump(exclude_defaults=True), ""):
        above = [dotted.rsplit(".", count)[0] for count in range(dotted.count(".") + 1)]
        if not covered & {dotted, *above} and not any(place.startswith(f"{dotted}.") for place in covered):
            name = next((name for name in _ADVICE if f"{dotted}.".startswith(f"{name}.")), dotted)
            found[name] = _ADVICE.get(name, "it has no such word")
    if any("{" in prompt.prompt for prompt in project.samples.prompts):
        found["samples.prompts"] = "it reads braces as they stand: choose the words yourself"
    if project.base.clip_skip > 1 and FACTS[project.base.family].layer:
        found["base.clip_skip"] = "it always reads the same layer of this family"
    return found


def _said(data: dict[str, Any], above: str) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _said(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"
