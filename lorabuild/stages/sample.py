"""Sample: pictures drawn with and without the LoRA, to judge it by.

One item a picture. ``reads``: prompt, negative, seed, steps, cfg, size [w, h] in pixels, ``lora`` (digest of an epoch's
fp32 state, or None), ``weight``, ``epoch``. Without a LoRA, or at weight 0, nothing is put on the model: such a picture
is exactly the base's. Output: ``picture`` (PNG).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.family import Model
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Draw the pictures; the model is loaded once, each LoRA is put on once for each weight."""
    from lorabuild.models import device as devices
    from lorabuild.models import family, source

    device, batch = devices.pick(site.project.device), site.project.device.batch
    dtype = devices.drawing(device)
    record = devices.record(device, dtype, batch)
    model = family.load(source.locate(site), site.project.base, family.PARTS, device, dtype)
    done = 0
    for (lora, weight), wearing in alike(inputs, "lora", "weight"):
        with worn(model, site.project, outputs.read(lora) if lora and weight else None, weight):
            for _, items in alike(wearing, "steps", "cfg", "size"):
                width, height = items[0].reads["size"]
                rows = devices.rows(device, width * height, batch)
                for start in range(0, len(items), rows):
                    group = items[start : start + rows]
                    _draw(model, group, outputs, record, batch)
                    done += len(group)
                    emit(Event("progress", "sample", {"done": done, "total": len(inputs), "unit": "pictures"}))


def alike(items: Sequence[Item], *words: str) -> Iterator[tuple[tuple[Any, ...], list[Item]]]:
    """The items in groups that read the same under these words, in the order in which each group begins."""
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        read = (item.reads[word] for word in words)
        groups.setdefault(tuple(tuple(value) if isinstance(value, list) else value for value in read), []).append(item)
    yield from groups.items()


@contextmanager
def worn(model: Model, project: Project, state: bytes | None, weight: float) -> Iterator[None]:
    """The model with a LoRA on it at this weight, and without it again afterwards."""
    if state is None:
        yield
        return
    from lorabuild.models import family
    from lorabuild.networks import attach
    from lorabuild.publish import file

    trained = family.TRAINED[project.training.train]
    layers = model.layers(trained, convolutions=attach.wants_convolutions(project.network))
    adapter = attach.attach(layers, project.network, project.training.seed)
    try:
        adapter.load_state(file.load(state))
        adapter.to(model.device).multiplier = weight
        yield
    finally:
        adapter.detach()


def _draw(model: Model, items: Sequence[Item], outputs: Outputs, record: dict[str, Any], batch: int) -> None:
    from lorabuild.evaluate import picture

    shared = items[0].reads
    pictures = model.sample(
        [item.reads["prompt"] for item in items],
        negatives=[item.reads["negative"] for item in items],
        seeds=[item.reads["seed"] for item in items],
        steps=shared["steps"],
        cfg=shared["cfg"],
        width=shared["size"][0],
        height=shared["size"][1],
        batch=batch,
    )
    for item, pixels in zip(items, pictures, strict=True):
        outputs.done(item, {"picture": outputs.write(picture.png(pixels.numpy()))}, record=record)
