"""``train``: the adapter is trained on cached latents and texts; every epoch leaves a checkpoint.

A kill loses the steps since the last save in ``outputs.scratch(key)``. That folder may be removed as soon as the item's
result is committed, and not before.
"""

from __future__ import annotations

import json
import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import StageError
from lorabuild.core.imported import run_own_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from accelerate import Accelerator

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.family import Model
    from lorabuild.networks.adapter import Adapter
    from lorabuild.schema.site import Site
    from lorabuild.training.board import Board
    from lorabuild.training.feed import Feed
    from lorabuild.training.loop import Course
    from lorabuild.training.objective import Objective
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State
    from lorabuild.training.together import Team
    from lorabuild.training.validation import Validation

VERSION = 2
LOGS = ".lorabuild/logs"
NEEDS_LESS = "write `training.gradient_checkpointing: true`, or lower training.batch, images.resolution or network.dim"
"""What to do where memory runs out."""


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Train every item: one project is one item. Raises ``StageError`` when the loss is no longer a number."""
    for item in inputs:
        _train(item, site, outputs, emit)


def _train(item: Item, site: Site, outputs: Outputs, emit: Emit) -> None:
    from lorabuild.models import device
    from lorabuild.training import crew
    from lorabuild.training.progress import Progress

    course = course_of(item, site)
    progress = Progress(emit, course.total())
    chosen = device.pick(site.project.device, site.launch.here)
    record = _record(site, chosen)
    state = _state(item, course, outputs, progress, record)
    if not course.is_over(state):
        if site.launch.size > 1:
            describe(item, site, state.folder, outputs.read, state.step)
        with crew.led(site.launch, chosen, site.root, state.folder) as team:
            _run_course(item, course, site, outputs, state, progress, team)
    outputs.done(item, _outputs(item, state, outputs), facts=_facts(item, course, state, progress), record=record)


def _state(item: Item, course: Course, outputs: Outputs, progress: Progress, record: dict[str, Any]) -> State:
    """Where it goes on: where this training was cut short, where a shorter one ended, or at the start."""
    from lorabuild.training.extending import take_over
    from lorabuild.training.state import State

    folder, former = outputs.scratch(item.key), item.reads.get("former")
    state = State.open(folder)
    if former and not state.step:
        if why := take_over(folder, course, former, record, outputs.read):
            progress.note("afresh", f"{why}; it is trained from the start")
        state = State.open(folder)
    for note in item.reads.get("notes", ()) if not state.step else ():
        progress.note(note["code"], note["text"])
    if state.step:
        progress.note("resumed", f"goes on from step {state.step}")
    return state


def follow(item: Item, site: Site, outputs: Outputs, job: Path, number: int, step: int) -> None:
    """A helping process's part: the same course, its share of every batch, nothing written.

    Args:
        item: what is trained.
        site: the settings of the process that leads, with the place of this one.
        outputs: what the cached tensors are read through.
        job: the file that told of it.
        number: which job this is.
        step: the optimizer step that the leader goes on from.
    """
    from lorabuild.core.events import silent
    from lorabuild.models import device
    from lorabuild.training import crew
    from lorabuild.training.progress import Progress

    course, chosen = course_of(item, site), device.pick(site.project.device, site.launch.here)
    state = crew.Follower.open(outputs.scratch(item.key))
    if state.step != step:
        raise StageError(f"step {step} is not the last one that was saved here, but {state.step}", where=str(job))
    with crew.followed(site.launch, chosen, site.root, job, number) as team:
        _run_course(item, course, site, outputs, state, Progress(silent, course.total()), team)


def beside(item: Item, site: Site, outputs: Outputs) -> None:
    """A process of its own trains an item into its private folder; the build that waits for it takes it from there.

    How far it is stands in a journal in that folder.
    """
    from lorabuild.core.events import silent
    from lorabuild.core.journal import Journal
    from lorabuild.models import device
    from lorabuild.training import crew
    from lorabuild.training.progress import Progress
    from lorabuild.training.together import ALONE

    course, chosen = course_of(item, site), device.pick(site.project.device)
    crew.take_device(site.launch, chosen)
    with Journal(outputs.scratch(item.key), silent, ("train",)) as emit:
        progress = Progress(emit, course.total())
        state = _state(item, course, outputs, progress, _record(site, chosen))
        if not course.is_over(state):
            _run_course(item, course, site, outputs, state, progress, ALONE)


def describe(item: Item, site: Site, folder: Path, read: Callable[[str], bytes], step: int = 0) -> Path:
    """Write down for other processes what is trained: settings, what the item reads, its blobs that are no files."""
    from lorabuild.training.crew import small, write_job

    settings = json.dumps(site.project.model_dump(mode="json", by_alias=True))
    told = {"id": item.id, "key": item.key, "reads": dict(item.reads)}
    return write_job(folder, {"project": settings, "item": told, "step": step, "small": small(told, folder, read)})


def _record(site: Site, chosen: torch.device) -> dict[str, Any]:
    """On what it is trained; sums over several processes come in another order and differ in their last bits."""
    from lorabuild.models import device
    from lorabuild.training.device import dtype, same_bits

    training, size = site.project.training, site.launch.size
    made = {**device.record(chosen, dtype(training)), "deterministic": same_bits(chosen, training)}
    return made | ({"processes": size} if size > 1 else {})


def course_of(item: Item, site: Site) -> Course:
    """What is to be trained."""
    from lorabuild.training.batches import records
    from lorabuild.training.loop import Course

    return Course(records(item.reads["records"]), item.reads["epochs"], site.project.training)


def feed_of(item: Item, site: Site, outputs: Outputs) -> Feed:
    """Where what it reads comes from: ``records``, ``held`` and ``empty``."""
    from lorabuild.training.batches import Text
    from lorabuild.training.feed import Feed, most_chunks
    from lorabuild.training.shelf import Shelf

    training, regularization = site.project.training, site.project.regularization
    weight, empty = regularization.prior_loss_weight if regularization else 1.0, Text(*item.reads["empty"])
    seen = [*item.reads["records"], *item.reads.get("held", ())]
    texts = (Text(*text) for record in seen for text in record["texts"])
    chunks, frozen = most_chunks(texts, empty, outputs.read), training.train == "unet"
    return Feed(Shelf(outputs.read), empty, training, weight, frozen_text=frozen, chunks=chunks)


def _run_course(
    item: Item, course: Course, site: Site, outputs: Outputs, state: State, progress: Progress, team: Team
) -> None:
    """Load the model, put the adapter on and train to the end of the course."""
    from lorabuild.models import device, family, source
    from lorabuild.models.compiled import compiling
    from lorabuild.networks import attach, rules
    from lorabuild.networks.max_norm import max_norm
    from lorabuild.training.device import dtype, kernels, open_device
    from lorabuild.training.loop import train
    from lorabuild.training.state import put_adapter

    project = site.project
    training = project.training
    if training.optimizer.type == "custom":
        run_own_code(site.root, training.optimizer.class_)
    accelerator = open_device(device.pick(site.project.device, site.launch.here), training.precision)
    trained = family.TRAINED[training.train]
    parts = {"unet", "scheduler", *trained, *(() if project.images.cache else ("vae",))}
    model = family.load(source.locate(site), project.base, parts, accelerator.device, dtype(training))
    layers = model.layers(trained, convolutions=attach.wants_convolutions(project.network))
    adapter = attach.attach(layers, project.network, training.seed)
    for text in rules.idle(project.network, layers):
        progress.note("no-layer", f"{text}: it does nothing")
    if (parent := item.reads.get("parent")) and not state.step:
        put_adapter(adapter, outputs.read(parent["lora"]))
    model.checkpoint_gradients(on=_preflight(item, course, site, adapter, state, progress, accelerator.device))
    blocks, same = model.repeated() if training.compile else (), training.deterministic
    with kernels(accelerator.device, deterministic=same), compiling(blocks, deterministic=same):
        feed = equipped(feed_of(item, site, outputs), course, site, model)
        objective = _objective(site, model, feed, accelerator, adapter)
        checked = _validation(item, objective, team)
        progress.board = _board(item, site, state, team)
        limit = (lambda adapter, most: max_norm(adapter, most).keys) if training.max_norm else None
        with closing(progress):
            train(course, objective, adapter, state, accelerator, progress, team, limit=limit, validation=checked)


def _objective(site: Site, model: Model, feed: Feed, accelerator: Accelerator, adapter: Adapter) -> Objective:
    """What is made small: the distance to the noise in pictures, or to what a slider aims at."""
    from lorabuild.training.objective import Denoising

    slider = site.project.slider
    if slider is None:
        return Denoising(model, feed, accelerator, adapter)
    from lorabuild.balance.slider import aims
    from lorabuild.training.slider import Sliding

    where = aims(slider, site.project.images.resolution)
    return Sliding(model, feed, accelerator, adapter, where, slider.denoise)


def _validation(item: Item, objective: Objective, team: Team) -> Validation | None:
    """What measures the training on the images that are held out; None where there are none."""
    from lorabuild.training.batches import records
    from lorabuild.training.objective import Denoising
    from lorabuild.training.validation import validation

    held = records(item.reads.get("held", ()))
    return validation(held, objective, team) if held and isinstance(objective, Denoising) else None


def equipped(feed: Feed, course: Course, site: Site, model: Model) -> Feed:
    """The feed with what it needs of the course and the model: how long captions grow, and pictures without a cache."""
    from dataclasses import replace

    from lorabuild.stages.latents import live
    from lorabuild.training.batches import warmup_steps

    warmup = warmup_steps(site.project.training.token_warmup.steps, course.total())
    return replace(feed, warmup=warmup, live=None if site.project.images.cache else live(site, model))


def _preflight(
    item: Item, course: Course, site: Site, adapter: Adapter, state: State, progress: Progress, device: torch.device
) -> bool:
    """Say what won't fit into memory or on the disk; whether activations should be computed twice."""
    from lorabuild.core.machine import room
    from lorabuild.training import preflight
    from lorabuild.training.device import free_memory, imitated

    training, told = site.project.training, item.reads.get("preflight")
    learned, free = sum(parameter.numel() for parameter in adapter.parameters()), free_memory(device)
    if told is None:
        return training.gradient_checkpointing == "always"
    needs = preflight.memory(training, told["frozen"], learned, told["outputs"], device=device.type).ahead()
    files = preflight.disk(training, learned, course.epochs, course.total())
    place = room(state.folder)
    found = {
        "precision": imitated(device, training.precision),
        "memory": preflight.too_much(training, needs, free, device.type),
        "disk": preflight.too_full(files, place[0] if place else None),
    }
    for code, text in found.items():
        if text:
            progress.note(code, text)
    return preflight.checkpointing(training, needs, free)


def _board(item: Item, site: Site, state: State, team: Team) -> Board | None:
    """Where the run can be watched, if that is asked for."""
    from lorabuild.core.digest import short
    from lorabuild.training.board import Board

    if not (site.project.training.log.tensorboard and team.is_first):
        return None
    return Board(site.root / LOGS / f"{site.project.name}-{short(item.key)}", state)


def _outputs(item: Item, state: State, outputs: Outputs) -> dict[str, str]:
    """Checkpoints, log, the state to go on from, what was learned; a kill in here means that they are stored again."""
    learned = "\n".join(item.reads.get("learned", ())).encode()
    stored = {name: outputs.write(state.checkpoint(name)) for name in sorted(state.files)}
    whole = {"log": state.log(), "state": state.whole(), "learned": learned}
    return stored | {name: outputs.write(data) for name, data in whole.items()}


def _facts(item: Item, course: Course, state: State, progress: Progress) -> dict[str, Any]:
    """What planning, package and report read of it."""
    last, wanted = state.rows[-1], course.training.early_stop
    found: dict[str, Any] = {"steps": state.step, "epochs": state.epoch, "planned": course.epochs}
    found |= {"loss": last.loss_mean, **progress.speed(), **item.reads.get("about", {})}
    if not math.isnan(last.validation):
        found["validation"] = last.validation
    if wanted and state.epoch < course.epochs:
        patience = f"{wanted.patience} epoch{'s' if wanted.patience > 1 else ''}"
        found["stopped"] = f"epoch {state.epoch} of {course.epochs}: no better for {patience}"
        progress.note("stopped", f"the training ended early, after {found['stopped']}")
    return found
