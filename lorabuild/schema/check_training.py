"""Settings of a training that do not go together: optimizers with rates, schedules and limits that they can't have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lorabuild.core.imported import is_known
from lorabuild.schema.blocks import BASE, expanded, ids
from lorabuild.schema.families import FACTS
from lorabuild.schema.plain import inline
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

NAMES = {
    "prodigy": "Prodigy",
    "dadaptation": "D-Adaptation",
    "prodigy_plus_schedule_free": "Prodigy plus Schedule-Free",
    "adamw_schedule_free": "Schedule-Free AdamW",
}
FINDS_ITS_STEP = ("prodigy", "dadaptation", "prodigy_plus_schedule_free")
ONE_RATE = ("prodigy", "dadaptation")
SCHEDULE_FREE = ("prodigy_plus_schedule_free", "adamw_schedule_free")
LOWEST_FREE_LR = 0.1
ADAMW = "write `optimizer: {type: adamw}`"


def training(loaded: Loaded) -> Iterator[Problem]:
    """Every pair of training settings that can't both be meant."""
    yield from _idle_rates(loaded)
    yield from _rates(loaded)
    yield from _one_rate(loaded)
    yield from _one_rate_of_layers(loaded)
    yield from _max_norm(loaded)
    yield from _average(loaded)
    yield from _schedule(loaded)
    yield from _steps_or_shares(loaded)
    yield from _text_encoder_end(loaded)
    yield from _betas(loaded)
    yield from _custom(loaded)
    yield from _compile(loaded)


def _written_rates(loaded: Loaded) -> dict[str, float]:
    """The rates that are written for parts that are trained."""
    settings = loaded.project.training
    written = {
        "unet_lr": settings.unet_lr,
        "text_encoder_lr": settings.text_encoder_lr,
        "text_encoder_2_lr": settings.text_encoder_2_lr,
    }
    trained = {"both": ("unet", "text_encoder"), "unet": ("unet",), "text_encoder": ("text_encoder",)}[settings.train]
    return {word: rate for word, rate in written.items() if rate is not None and word.startswith(trained)}


IDLE = {
    "unet": ("no text encoder is trained", ("text_encoder_lr", "text_encoder_2_lr")),
    "text_encoder": ("the U-Net is not trained", ("unet_lr",)),
}
"""What is left out of a training, and the rates that then mean nothing."""


def _idle_rates(loaded: Loaded) -> Iterator[Problem]:
    """Rates of parts that get no adapter; a slider's are told with what else it has no use for."""
    project = loaded.project
    what, words = IDLE.get(project.training.train, ("", ()))
    for word in words if project.kind != "slider" else ():
        if getattr(project.training, word) is not None:
            where = loaded.where(f"training.{word}")
            yield Problem(where, f"{what}, so `{word}` says nothing", "leave it out, or write `train: both`")


def _rates(loaded: Loaded) -> Iterator[Problem]:
    """An optimizer that finds its step size, with a learning rate that all but stops it."""
    optimizer = loaded.project.training.optimizer
    if optimizer.type not in FINDS_ITS_STEP:
        return
    for word, rate in {"optimizer.lr": optimizer.lr, **_written_rates(loaded)}.items():
        if rate < LOWEST_FREE_LR:
            name = word.rpartition(".")[2]
            what = f"{NAMES[optimizer.type]} finds the step size itself; {name} {rate:g} would all but stop it"
            yield Problem(loaded.where(f"training.{word}"), what, f"write `{name}: 1`, or leave it out")


def _one_rate(loaded: Loaded) -> Iterator[Problem]:
    """Several rates for an optimizer that has but one."""
    settings = loaded.project.training
    kind = settings.optimizer.type
    if kind not in ONE_RATE:
        return
    written = _written_rates(loaded)
    rates = dict(written)
    if settings.train == "both":
        rates = {"unet_lr": settings.optimizer.lr, "text_encoder_lr": settings.optimizer.lr} | written
    if len(set(rates.values())) > 1:
        word = next(iter(written))
        what = f"{NAMES[kind]} has one step size for all that it trains: {inline(rates)} can't be"
        yield Problem(loaded.where(f"training.{word}"), what, f"leave `{word}` out, or {ADAMW}")
    if settings.loraplus_ratio not in (None, 1.0):
        what = f"{NAMES[kind]} has one step size for all that it trains: LoRA+ can't speed up one side"
        yield Problem(loaded.where("training.loraplus_ratio"), what, f"leave `loraplus_ratio` out, or {ADAMW}")


def _one_rate_of_layers(loaded: Loaded) -> Iterator[Problem]:
    """Blocks and layers that would learn faster or slower than others, with an optimizer that has but one rate."""
    network, settings = loaded.project.network, loaded.project.training
    if settings.optimizer.type not in ONE_RATE:
        return
    trained = set(ids(FACTS[loaded.project.base.family].blocks)) - ({BASE} if settings.train == "unet" else set())
    factors = {"blocks": _block_factors(loaded, trained), "layer_lrs": {*(network.layer_lrs or {}).values(), 1.0}}
    for word, found in factors.items():
        if len(found - {0.0}) > 1:
            what = f"{NAMES[settings.optimizer.type]} has one step size for all: only 0 and 1 can stand here"
            yield Problem(loaded.where(f"network.{word}"), what, f"write 0 or 1, or {ADAMW}")


def _block_factors(loaded: Loaded, trained: set[str]) -> set[float]:
    """The different factors of these blocks; what is wrong with the notation is said elsewhere."""
    try:
        found = expanded(loaded.project.network.blocks or {}, FACTS[loaded.project.base.family].blocks)
    except ValueError:
        return set()
    return {float(found.get(block, 1.0)) for block in trained}


def _max_norm(loaded: Loaded) -> Iterator[Problem]:
    """Max-norm scaling pulls weights back, which misleads who measures their way, or keeps a second copy of them."""
    settings = loaded.project.training
    kind = settings.optimizer.type
    if settings.max_norm is None:
        return
    if kind in FINDS_ITS_STEP:
        why = "measures how far the weights have come; max-norm scaling pulls them back and misleads it"
    elif kind in SCHEDULE_FREE:
        why = "keeps an average of the weights, which max-norm scaling would not reach"
    else:
        return
    yield Problem(loaded.where("training.max_norm"), f"{NAMES[kind]} {why}", f"leave `max_norm` out, or {ADAMW}")


def _average(loaded: Loaded) -> Iterator[Problem]:
    """An average of what is itself averaged otherwise."""
    settings = loaded.project.training
    if settings.ema is not None and settings.optimizer.type in SCHEDULE_FREE:
        what = f"{NAMES[settings.optimizer.type]} averages the weights itself: there is nothing for `ema` to do"
        yield Problem(loaded.where("training.ema"), what, f"leave `ema` out, or {ADAMW}")


def _schedule(loaded: Loaded) -> Iterator[Problem]:
    """Schedule-free optimizers average the weights in place of a schedule."""
    settings = loaded.project.training
    kind, schedule = settings.optimizer.type, settings.schedule
    if kind not in SCHEDULE_FREE:
        return
    if schedule.type != "constant":
        what = f"{NAMES[kind]} averages the weights in place of a schedule; `{schedule.type}` would spoil the average"
        yield Problem(loaded.where("training.schedule"), what, "write `schedule: {type: constant}`")
    elif schedule.warmup:
        own = "`warmup_steps` under `optimizer`" if kind == "adamw_schedule_free" else "`use_bias_correction: true`"
        what = f"{NAMES[kind]} must know of a warm-up, which the schedule's would hide from it"
        yield Problem(loaded.where("training.schedule.warmup"), what, f"leave it out, and write {own} for a warm-up")


def _steps_or_shares(loaded: Loaded) -> Iterator[Problem]:
    """Words that are steps from 1 on, and a share below."""
    settings = loaded.project.training
    amounts = {"schedule.warmup": settings.schedule.warmup, "text_encoder_end": settings.text_encoder_end}
    for word, amount in amounts.items():
        if amount is not None and amount > 1 and amount != int(amount):
            name = word.rpartition(".")[2]
            what = f"{amount:g} is neither a share, which is below 1, nor a whole number of optimizer steps"
            yield Problem(loaded.where(f"training.{word}"), what, f"write `{name}: {round(amount)}`")


def _text_encoder_end(loaded: Loaded) -> Iterator[Problem]:
    settings = loaded.project.training
    if settings.text_encoder_end is None or settings.train == "both":
        return
    where = loaded.where("training.text_encoder_end")
    if settings.train == "unet":
        yield Problem(where, "no text encoder is trained that could stop", "leave it out, or write `train: both`")
    else:
        yield Problem(where, "nothing would be left to train behind it", "leave it out, or write `train: both`")


def _betas(loaded: Loaded) -> Iterator[Problem]:
    """Decays are shares; and an average that takes in nothing can't be taken back."""
    optimizer = loaded.project.training.optimizer
    for index, beta in enumerate(getattr(optimizer, "betas", ())):
        where = loaded.where(f"training.optimizer.betas.{index}")
        if not 0 <= beta < 1:
            yield Problem(
                where, f"a beta is a share that is kept: {beta:g} can't be", "write 0 or more, and less than 1"
            )
        elif not beta and not index and optimizer.type in SCHEDULE_FREE:
            yield Problem(where, f"{NAMES[optimizer.type]} needs a first beta above 0", "write `betas: [0.9, 0.99]`")


def _compile(loaded: Loaded) -> Iterator[Problem]:
    """A compiled block with what is another in every step: what rests for an image, or how strong a slider is."""
    project, network = loaded.project, loaded.project.network
    if not project.training.compile:
        return
    drawn = [word for word in ("dropout", "rank_dropout", "module_dropout") if getattr(network, word, 0)]
    if network.type == "dylora" or drawn:
        word = drawn[0] if drawn else "dylora"
        what = f"`{word}` draws anew for each image, and a compiled block does the same for all"
        yield Problem(loaded.where("training.compile"), what, f"leave `compile` or `{word}` out")
    if project.slider:
        what = "a slider asks the model at many strengths and sizes, and each would be compiled anew"
        yield Problem(loaded.where("training.compile"), what, "leave `compile` out")


def _custom(loaded: Loaded) -> Iterator[Problem]:
    optimizer = loaded.project.training.optimizer
    if optimizer.type != "custom":
        return
    if not is_known(loaded.site.root, optimizer.class_):
        top = optimizer.class_.partition(".")[0]
        what = f"there is no module `{top}`: it is not installed, and there is no {top}.py in the project's folder"
        yield Problem(loaded.where("training.optimizer.class"), what, f"pip install {top}, or write the file")
    for name, value in optimizer.arguments.items():
        if not _is_finite(value):
            where = loaded.place("training", "optimizer", "arguments", name)
            yield Problem(where, f"`{name}` can't be infinite here", "leave it out, if it is infinite anyway")


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
