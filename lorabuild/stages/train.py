"""``train``: the adapter is trained on cached latents and texts; every epoch leaves a checkpoint.

A kill loses the steps since the last save in ``outputs.scratch(key)``. That folder may be removed as soon as the item's
result is committed, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.site import Site
    from lorabuild.training.feed import Feed
    from lorabuild.training.loop import Course
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Train every item: one project is one item. Raises ``StageError`` when the loss is no longer a number."""
    for item in inputs:
        _train(item, site, outputs, emit)


def _train(item: Item, site: Site, outputs: Outputs, emit: Emit) -> None:
    from lorabuild.models import device
    from lorabuild.training import optimizers
    from lorabuild.training.device import dtype, same_bits
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State

    optimizers.check(site.project.training)
    course = _course(item, site)
    progress = Progress(emit, course.total())
    state = State.open(outputs.scratch(item.key))
    training, chosen = site.project.training, device.pick(site.project.device)
    if state.step:
        emit(Event("note", "train", {"code": "resumed", "item": item.id, "text": f"goes on from step {state.step}"}))
    if state.epoch < course.epochs:
        _run_course(course, _feed(item, site, outputs), site, state, progress)
    outputs.done(
        item,
        _outputs(state, outputs),
        facts=_facts(state, progress),
        record={**device.record(chosen, dtype(training)), "deterministic": same_bits(chosen, training)},
    )


def _course(item: Item, site: Site) -> Course:
    from lorabuild.training.batches import records
    from lorabuild.training.loop import Course

    return Course(records(item.reads["records"]), item.reads["epochs"], site.project.training)


def _feed(item: Item, site: Site, outputs: Outputs) -> Feed:
    from lorabuild.training.batches import Text
    from lorabuild.training.feed import Feed
    from lorabuild.training.shelf import Shelf

    training, regularization = site.project.training, site.project.regularization
    weight = regularization.prior_loss_weight if regularization else 1.0
    return Feed(Shelf(outputs.read), Text(*item.reads["empty"]), training, weight, frozen_text=training.train == "unet")


def _run_course(course: Course, feed: Feed, site: Site, state: State, progress: Progress) -> None:
    """Load the model, put the adapter on and train to the end of the course."""
    from lorabuild.models import device, family, source
    from lorabuild.networks import attach
    from lorabuild.training.device import dtype, kernels, open_device
    from lorabuild.training.loop import train
    from lorabuild.training.objective import Denoising

    project = site.project
    training = project.training
    accelerator = open_device(device.pick(project.device), training.precision)
    parts = {"unet", "scheduler"} if training.train == "unet" else {"unet", "scheduler", "text_encoder"}
    model = family.load(source.locate(site), project.base, parts, accelerator.device, dtype(training))
    if training.gradient_checkpointing:
        model.checkpoint_gradients(on=True)
    trained = ("unet", "text_encoder") if training.train == "both" else (training.train,)
    layers = model.layers(trained, convolutions=attach.wants_convolutions(project.network))
    adapter = attach.attach(layers, project.network, training.seed)
    with kernels(accelerator.device, deterministic=training.deterministic):
        train(course, Denoising(model, feed, accelerator), adapter, state, accelerator, progress)


def _outputs(state: State, outputs: Outputs) -> dict[str, str]:
    """Every epoch's file and the log, stored; a kill in here only means that they are stored again."""
    stored = {f"epoch-{number:04d}": outputs.write(state.checkpoint(number)) for number in range(1, state.epoch + 1)}
    return {**stored, "log": outputs.write(state.log())}


def _facts(state: State, progress: Progress) -> dict[str, Any]:
    return {"steps": state.step, "epochs": state.epoch, "loss": state.rows[-1].loss_mean, **progress.speed()}
