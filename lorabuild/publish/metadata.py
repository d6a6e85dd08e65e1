"""The header of the shipped file: what it was made from, in the words that existing tools read, and only true ones.

``ss_*`` follow the standard trainer (all values text; unset ones say ``None``), ``modelspec.*`` the Stability model
specification 1.0.1, ``lorabuild.*`` are our own. Nothing here reads a clock; the session id comes from the train key.
Words that are ``runtime_only`` in lora.yaml (gradient checkpointing) stay out: what changes no tensor changes no byte.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import lorabuild
from lorabuild.publish import dataset, file, modelspec
from lorabuild.schema.base import FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.publish.facts import BaseFacts, Run
    from lorabuild.publish.hashes import ModelHashes
    from lorabuild.schema.network import LoCon, LoRA
    from lorabuild.schema.optimizer import AdamW, Prodigy
    from lorabuild.schema.project import Project
    from lorabuild.schema.training import Training

HEADER_MOST = 1 << 20
"""Bytes. One client shows no metadata at all where the header is larger."""

HASHES = 256
"""Bytes kept free in the header for the two hashes, which are taken last."""

OPTIMIZER = {"adamw": "torch.optim.adamw.AdamW", "prodigy": "prodigyopt.prodigy.Prodigy"}


def words(project: Project, run: Run, base_hashes: ModelHashes | None = None) -> dict[str, str]:
    """Everything but the tag table and the hashes of the file itself. ``base_hashes``: of a single-file base."""
    return {
        **_base(project, run.base, base_hashes),
        **_network(project.network),
        **_rates(project.training),
        **_course(project, run),
        **_losses(project),
        **_pictures(project),
        **dataset.words(run),
        **modelspec.words(project, run),
        "lorabuild.version": lorabuild.__version__,
        "lorabuild.train_key": run.train_key,
        "lorabuild.triggers": json.dumps([*project.triggers], ensure_ascii=False),
    }


def complete(tensors: bytes, plain: Mapping[str, str], table: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """All words of the file with these tensors: tag table (trimmed where the header would grow too large) and hashes.

    A trimmed table is said so in ``lorabuild.tag_frequency``.
    """
    total = dataset.entries(table)
    low, high = 0, total
    while low < high:
        middle = (low + high + 1) // 2
        fits = file.header_size(tensors, _with_table(plain, table, middle, total)) <= HEADER_MOST - HASHES
        low, high = (middle, high) if fits else (low, middle - 1)
    return file.sign(tensors, _with_table(plain, table, low, total))


def _with_table(
    plain: Mapping[str, str], table: Mapping[str, Mapping[str, int]], keep: int, total: int
) -> dict[str, str]:
    shown = dataset.trim(table, keep) if keep < total else table
    said = {"lorabuild.tag_frequency": f"the {keep} most frequent of {total} tags"} if keep < total else {}
    return {**plain, "ss_tag_frequency": json.dumps(shown, ensure_ascii=False), **said}


def session_id(train_key: str) -> str:
    """A number below 2³² as the standard trainer draws one, here the first 32 bits of the train key."""
    return str(int(train_key.removeprefix("b3:")[:8], 16))


def _base(project: Project, base: BaseFacts, base_hashes: ModelHashes | None) -> dict[str, str]:
    known = {
        "ss_v2": "False",
        "ss_base_model_version": getattr(FACTS[project.base.family], base.prediction),
        "ss_sd_model_name": base.name,
        "ss_clip_skip": str(project.base.clip_skip),
    }
    if base_hashes is not None:
        known |= {"ss_sd_model_hash": base_hashes.short, "ss_new_sd_model_hash": base_hashes.sha256}
    return known


def _network(network: LoRA | LoCon) -> dict[str, str]:
    arguments: dict[str, str | None] = {}
    if network.type == "locon":
        arguments = {"conv_dim": str(network.conv_dim), "conv_alpha": str(network.conv_alpha)}
    return {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(network.dim),
        "ss_network_alpha": str(network.alpha),
        "ss_network_args": json.dumps({**arguments, "dropout": None}),
        "ss_network_dropout": "None",
        "ss_scale_weight_norms": "None",
    }


def _rates(training: Training) -> dict[str, str]:
    optimizer, schedule = training.optimizer, training.schedule
    unet = training.unet_lr or optimizer.lr
    text_encoder = training.text_encoder_lr or optimizer.lr
    warm = "_with_warmup" if schedule.type == "constant" and schedule.warmup else ""
    return {
        "ss_learning_rate": str(optimizer.lr),
        "ss_unet_lr": str(unet if training.train != "text_encoder" else None),
        "ss_text_encoder_lr": str(text_encoder if training.train != "unet" else None),
        "ss_optimizer": f"{OPTIMIZER[optimizer.type]}({_arguments(optimizer)})",
        "ss_lr_scheduler": schedule.type + warm,
        "ss_lr_warmup_steps": str(schedule.warmup),
    }


def _arguments(optimizer: AdamW | Prodigy) -> str:
    chosen = optimizer.model_dump(exclude={"type", "lr"})
    return ",".join(f"{word}={value}" for word, value in chosen.items())


def _course(project: Project, run: Run) -> dict[str, str]:
    training = project.training
    dated = ("ss_training_started_at", "ss_training_finished_at")
    when = {} if run.date is None else dict.fromkeys(dated, f"{run.date}.0")
    return {
        "ss_output_name": project.name,
        "ss_session_id": session_id(run.train_key),
        "ss_seed": str(training.seed),
        "ss_epoch": str(run.epoch),
        "ss_num_epochs": str(run.epochs),
        "ss_steps": str(run.steps),
        "ss_max_train_steps": str(run.max_steps),
        "ss_batch_size_per_device": str(training.batch),
        "ss_total_batch_size": str(training.batch * training.accumulation),
        "ss_gradient_accumulation_steps": str(training.accumulation),
        "ss_max_grad_norm": str(training.max_grad_norm),
        "ss_mixed_precision": "bf16" if training.precision == "bf16" else "no",
        "ss_full_fp16": "False",
        "ss_fp8_base": "False",
        "ss_fp8_base_unet": "False",
        "ss_lowram": "False",
        **when,
    }


def _losses(project: Project) -> dict[str, str]:
    training, regularization = project.training, project.regularization
    return {
        "ss_loss_type": training.loss.type,
        "ss_min_snr_gamma": str(training.min_snr_gamma),
        "ss_debiased_estimation": str(training.debiased_estimation),
        "ss_prior_loss_weight": str(regularization.prior_loss_weight if regularization else 1.0),
        "ss_zero_terminal_snr": "False",
        "ss_noise_offset": "None",
        "ss_adaptive_noise_scale": "None",
        "ss_multires_noise_iterations": "None",
        "ss_ip_noise_gamma": "None",
        "ss_validation_split": "0.0",
        "ss_num_validation_images": "0",
    }


def _pictures(project: Project) -> dict[str, str]:
    side = project.images.resolution
    return {
        "ss_resolution": f"({side}, {side})",
        "ss_enable_bucket": "True",
        "ss_bucket_no_upscale": "False",
        "ss_cache_latents": "True",
        "ss_flip_aug": str(project.images.flip),
        "ss_color_aug": "False",
        "ss_random_crop": "False",
        "ss_face_crop_aug_range": "None",
        "ss_shuffle_caption": "False",
        "ss_keep_tokens": "0",
        "ss_caption_dropout_rate": str(project.training.caption_dropout),
        "ss_caption_dropout_every_n_epochs": "0",
        "ss_caption_tag_dropout_rate": "0.0",
    }
