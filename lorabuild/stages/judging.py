"""What the sample stage measures of an epoch, beside drawing it: its loss, and what its pictures are like.

``reads`` of a loss: ``measure: loss``, ``records`` and ``empty`` as the train stage reads them, ``lora`` (digest of the
epoch's state, None for the base), ``looks`` (timesteps a picture), ``mirrored``. Fact: ``loss``, None where it is no
number.

``reads`` of pictures: ``measure: pictures``, ``size`` [w, h], ``drawn`` and ``plain`` (digests of pictures with the
LoRA and of the base's, pair by pair), ``images`` (path and digest of pixels of the training images whose captions they
are of), ``free``, ``free_plain`` and ``free_images`` (the same without a trigger, or none; images by their digests).
Facts: ``likeness``, ``leak`` (the likeness of the free ones), ``harshness``, and ``usual_harshness`` of the base's and
the training images. A training image that changed since the plan leaves the item undone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor

    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.features import Eye
    from lorabuild.schema.site import Site
    from lorabuild.stages.sample import Easel

Pixels = dict[str, Any]
"""Digest → a picture [H, W, 3], or what the eye sees in it [F]."""


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit, open_: Callable[[Site], Easel]) -> None:
    """Measure every item; each model is loaded once, that which draws by ``open_``."""
    losses = [item for item in inputs if item.reads["measure"] == "loss"]
    pictures = [item for item in inputs if item.reads["measure"] == "pictures"]
    if losses:
        _losses(losses, site, outputs, emit)
    if pictures:
        _pictures(pictures, site, outputs, emit, open_(site))


def _losses(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    from lorabuild.models import device as devices
    from lorabuild.models import family, source
    from lorabuild.networks import attach
    from lorabuild.publish import file
    from lorabuild.training.device import dtype, open_device

    project = site.project
    device = open_device(devices.pick(project.device), project.training.precision)
    trained = family.TRAINED[project.training.train]
    parts = {"unet", "scheduler", *trained, *(() if project.images.cache else ("vae",))}
    model = family.load(source.locate(site), project.base, parts, device.device, dtype(project.training))
    layers = model.layers(trained, convolutions=attach.wants_convolutions(project.network))
    adapter = attach.attach(layers, project.network, project.training.seed)
    record = devices.record(device.device, dtype(project.training))
    for done, item in enumerate(inputs, 1):
        if item.reads["lora"]:
            adapter.load_state(file.load(outputs.read(item.reads["lora"])))
        adapter.to(device.device).multiplier = float(bool(item.reads["lora"]))
        loss = _loss(item, site, outputs, (model, device, adapter))
        outputs.done(item, facts={"loss": loss if math.isfinite(loss) else None}, record=record)
        emit(Event("progress", "sample", {"done": done, "total": len(inputs), "unit": "epochs"}))


def _loss(item: Item, site: Site, outputs: Outputs, equipment: Any) -> float:
    """The mean over all pictures and looks, with fixed noise and timesteps."""
    from lorabuild.stages import train
    from lorabuild.training.batches import records
    from lorabuild.training.objective import Denoising
    from lorabuild.training.validation import Calm, Fixed, Mirrored, Validation

    (model, device, adapter), looks = equipment, item.reads["looks"]
    feed = train.equipped(train.feed_of(item, site, outputs), train.course_of(item, site), site, model)
    still = (Mirrored if item.reads["mirrored"] else Fixed).of(feed, looks)
    calm: Any = Calm(adapter)
    objective = Denoising(model, still, device, calm)
    checked = Validation(records(item.reads["records"]), looks, site.project.training.batch, objective)
    return checked.mean(0, next(iter(adapter.parameters())).new_zeros(0))


def _pictures(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit, easel: Easel) -> None:
    from lorabuild.evaluate import likeness

    eye = _eye(easel, site)
    known: Pixels = {}
    rows: Pixels = {}
    for done, item in enumerate(inputs, 1):
        names = _load(item, site, outputs, known)
        if names is None:
            continue
        if new := [name for name in dict.fromkeys(names) if name not in rows]:
            rows |= dict(zip(new, eye.see(likeness.stacked(known[name] for name in new)), strict=True))
        outputs.done(item, facts=_facts(item.reads, known, rows), record=easel.rows.record)
        emit(Event("progress", "sample", {"done": done, "total": len(inputs), "unit": "sets of pictures"}))


def _eye(easel: Easel, site: Site) -> Eye:
    from lorabuild.models import features

    judge, batch = site.project.judge.model, site.project.device.batch
    if judge is None:
        return features.BaseEye(easel.model, batch)
    return features.ClipEye(site.path(judge), easel.model.device, batch)


def _load(item: Item, site: Site, outputs: Outputs, known: Pixels) -> list[str] | None:
    """The names of the item's pictures, all of which are known then; None where a training image has changed."""
    from lorabuild.evaluate import picture
    from lorabuild.images import decode

    size, names = tuple(item.reads["size"]), []
    for name in _named(item.reads):
        names.append(name)
        if name not in known:
            known[name] = picture.pixels(picture.decode(outputs.read(name)), size)
    for path, digest, *moves in item.reads["images"]:
        names.append(digest)
        if digest not in known:
            try:
                prepared = decode.prepared(path, site.project.images, *moves)
            except (OSError, decode.UnreadableError):
                return None
            if prepared.pixels != digest:
                return None
            known[digest] = picture.pixels(prepared.image, size)
    return names


def _named(reads: Mapping[str, Any]) -> list[str]:
    """Digests of the drawn pictures."""
    return [name for word in ("drawn", "plain", "free", "free_plain") for name in reads[word]]


def _facts(reads: Mapping[str, Any], known: Pixels, rows: Pixels) -> dict[str, float]:
    from lorabuild.evaluate import likeness

    def of(where: Pixels, names: Iterable[str]) -> Tensor:
        return likeness.stacked(where[name] for name in names)

    shown = [name for _, name, *_ in reads["images"]]
    drawn, plain, images = (of(rows, names) for names in (reads["drawn"], reads["plain"], shown))
    found = {
        "likeness": likeness.likeness(drawn, plain, images),
        "harshness": likeness.harshness(of(known, reads["drawn"])),
        "usual_harshness": max(likeness.harshness(of(known, names)) for names in (reads["plain"], shown)),
    }
    if reads["free"]:
        found["leak"] = likeness.likeness(*(of(rows, reads[word]) for word in ("free", "free_plain", "free_images")))
    return {name: round(value, 6) for name, value in found.items()}
