"""The header of the shipped file: what it was made from, in the words that existing tools read, and only true ones.

``ss_*`` follow the standard trainer (all values text; unset ones say ``None``), ``modelspec.*`` the Stability model
specification 1.0.1, ``lorabuild.*`` are our own. Nothing here reads a clock; the session id comes from the train key.
Words that are ``runtime_only`` in lora.yaml (gradient checkpointing) stay out: what changes no tensor changes no byte.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING

import lorabuild
from lorabuild.publish import dataset, file, loss, modelspec, network, slider
from lorabuild.schema.families import FACTS
from lorabuild.schema.schedule import steps_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.publish.facts import BaseFacts, Run
    from lorabuild.publish.hashes import ModelHashes
    from lorabuild.schema.optimizer import Optimizer
    from lorabuild.schema.project import Project
    from lorabuild.schema.run import Validation
    from lorabuild.schema.training import Training

HEADER_MOST = 1 << 20
"""Bytes. One client shows no metadata at all where the header is larger."""

HASHES = 256
"""Bytes kept free in the header for the two hashes, which are taken last."""

OPTIMIZER = {
    "adamw": "torch.optim.adamw.AdamW",
    "adamw8bit": "bitsandbytes.optim.adamw.AdamW8bit",
    "prodigy": "prodigyopt.prodigy.Prodigy",
    "prodigy_plus_schedule_free": "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree",
    "dadaptation": "dadaptation.dadapt_adam.DAdaptAdam",
    "lion": "lorabuild.training.lion.Lion",
    "adafactor": "torch.optim._adafactor.Adafactor",
    "adamw_schedule_free": "schedulefree.adamw_schedulefree.AdamWScheduleFree",
    "sgd": "torch.optim.sgd.SGD",
}


def words(project: Project, run: Run, base_hashes: ModelHashes | None = None) -> dict[str, str]:
    """Everything but the tag table and the hashes of the file itself. ``base_hashes``: of a single-file base."""
    return {
        **_base(project, run.base, base_hashes),
        **network.words(project.network),
        **_rates(project.training, run.max_steps),
        **_course(project, run),
        **_losses(project, run),
        **(slider.metadata(project.slider, project.images.resolution) if project.slider else _seen(project, run)),
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

    def fits(keep: int) -> bool:
        return file.header_size(tensors, _with_table(plain, table, keep, total)) <= HEADER_MOST - HASHES

    low, high = (total, total) if fits(total) else (0, max(total - 1, 0))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
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
        "ss_v2": str(FACTS[project.base.family].v2),
        "ss_base_model_version": getattr(FACTS[project.base.family], base.prediction),
        "ss_sd_model_name": base.name,
        "ss_clip_skip": str(project.base.clip_skip),
        "ss_max_token_length": str(project.base.max_token_length),
        "ss_zero_terminal_snr": str(base.zero_terminal_snr),
    }
    if project.base.vae:
        known["ss_vae_name"] = PurePath(project.base.vae).name
    if base_hashes is not None:
        known |= {"ss_sd_model_hash": base_hashes.short, "ss_new_sd_model_hash": base_hashes.sha256}
    return known


def _rates(training: Training, steps: int) -> dict[str, str]:
    optimizer, schedule = training.optimizer, training.schedule
    unet = training.unet_lr or optimizer.lr
    text_encoder = training.text_encoder_lr or optimizer.lr
    warm = "_with_warmup" if schedule.type == "constant" and schedule.warmup else ""
    return {
        "ss_learning_rate": str(optimizer.lr),
        "ss_unet_lr": str(unet if training.train != "text_encoder" else None),
        "ss_text_encoder_lr": str(text_encoder if training.train != "unet" else None),
        "ss_optimizer": _optimizer(optimizer),
        "ss_lr_scheduler": schedule.type + warm,
        "ss_lr_warmup_steps": str(steps_of(schedule.warmup, steps)),
    }


def _optimizer(optimizer: Optimizer) -> str:
    """The class with its arguments, as they were written."""
    if optimizer.type == "custom":
        name, chosen = optimizer.class_, optimizer.arguments
    else:
        name, chosen = OPTIMIZER[optimizer.type], optimizer.model_dump(exclude={"type", "lr", "paged"})
    return f"{name}({','.join(f'{word}={value}' for word, value in chosen.items())})"


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
        "ss_mixed_precision": "no" if training.precision == "fp32" else training.precision,
        "ss_scale_weight_norms": str(training.max_norm),
        "ss_full_fp16": "False",
        "ss_fp8_base": "False",
        "ss_fp8_base_unet": "False",
        "ss_lowram": "False",
        **when,
    }


def _losses(project: Project, run: Run) -> dict[str, str]:
    training, regularization = project.training, project.regularization
    return {
        **loss.words(training),
        "ss_prior_loss_weight": str(regularization.prior_loss_weight if regularization else 1.0),
        **_validation(training.validation, run.held),
    }


def _validation(settings: Validation | None, held: int) -> dict[str, str]:
    every = {"ss_validate_every_n_epochs": "1"} if settings and settings.every == "epoch" else {}
    share = settings.share if settings else 0.0
    return {"ss_validation_split": str(share), "ss_num_validation_images": str(held), **every}


def _seen(project: Project, run: Run) -> dict[str, str]:
    """What it learned from."""
    return {**_pictures(project), **dataset.words(run), **dataset.resolutions(project, run)}


def _pictures(project: Project) -> dict[str, str]:
    images, training = project.images, project.training
    return {
        "ss_enable_bucket": "True",
        "ss_bucket_no_upscale": "False",
        "ss_cache_latents": str(images.cache),
        "ss_flip_aug": str(images.flip),
        "ss_color_aug": str(images.color_augment),
        "ss_random_crop": str(images.random_crop),
        "ss_face_crop_aug_range": "None",
        "ss_shuffle_caption": str(training.caption_shuffle),
        "ss_keep_tokens": str(_kept(project)),
        "ss_caption_tag_dropout_rate": str(training.tag_dropout),
    }


def _kept(project: Project) -> int:
    """Tags at the front that stay where they are: as written, else the prefix's and those of the fewest triggers."""
    training = project.training
    if training.keep_tokens is not None:
        return training.keep_tokens
    if not (training.caption_shuffle or training.tag_dropout or training.token_warmup.steps):
        return 0
    fewest = min((len(concept.triggers) for concept in project.concepts.values()), default=0)
    return fewest + (training.caption_prefix or "").count(",")
