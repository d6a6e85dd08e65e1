"""Sample: pictures drawn with and without the LoRA, to judge it by.

One item a picture. ``reads``: prompt, negative, seed, steps, cfg, size [w, h] in pixels, ``sampler`` (the base's own
where it isn't said), ``lora`` (digest of an epoch's fp32 state, or None), ``weight``, ``blocks`` (block → factor on top
of it), ``epoch``, ``finished`` (files that ``finish:`` merges, as [path, digest]; then it is drawn behind ``finish:``).
Without a LoRA, or at weight 0, nothing is put on the model: such a picture is exactly the base's.
Output: ``picture`` (PNG).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.device import Rows
    from lorabuild.models.family import Model
    from lorabuild.networks.attach import Adapter
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

VERSION = 1


@dataclass(frozen=True, slots=True)
class Easel:
    """A loaded base model, ready to draw."""

    model: Model
    rows: Rows


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Draw the pictures; the model is loaded once, each LoRA is put on once for each weight."""
    pictures = [item for item in inputs if "measure" not in item.reads]
    if pictures:
        draw(easel(site), pictures, site, outputs, emit)
    if len(pictures) < len(inputs):
        from lorabuild.stages import judging

        judging.run([item for item in inputs if "measure" in item.reads], site, outputs, emit, easel)


def easel(site: Site) -> Easel:
    """The base model on the device that draws."""
    from lorabuild.models import device as devices
    from lorabuild.models import family, source

    device = devices.pick(site.project.device)
    dtype = devices.drawing(device)
    model = family.load(source.locate(site), site.project.base, family.PARTS, device, dtype)
    return Easel(model, devices.Rows(device, dtype, site.project.device.batch))


def draw(easel: Easel, inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Draw the pictures on a model that is loaded already; it is left as it was."""
    done = 0

    def paint(group: Sequence[Item]) -> None:
        nonlocal done
        for drawn in _draw(easel, group, outputs):
            emit(drawn)
        done += len(group)
        emit(Event("progress", "sample", {"done": done, "total": len(inputs), "unit": "pictures"}))

    def say(text: str) -> None:
        emit(Event("note", "sample", {"code": "memory", "item": "sample", "text": text}))

    for (lora, weight, blocks, _), wearing in alike(inputs, "lora", "weight", "blocks", "finished"):
        state, merged = outputs.read(lora) if lora and weight else None, wearing[0].reads.get("finished")
        with worn(easel.model, site.project, state, weight, dict(blocks or ()), merged):
            for _, items in alike(wearing, "steps", "cfg", "size", "sampler"):
                width, height = items[0].reads["size"]
                easel.rows.each(items, width * height, paint, say)


def alike(items: Sequence[Item], *words: str) -> Iterator[tuple[tuple[Any, ...], list[Item]]]:
    """The items in groups that read the same under these words, in the order in which each group begins."""
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        groups.setdefault(tuple(_fixed(item.reads.get(word)) for word in words), []).append(item)
    yield from groups.items()


def _fixed(value: Any) -> Any:
    """A list or a map as something that can be a key."""
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(map(_fixed, value)) if isinstance(value, list) else value


@contextmanager
def worn(
    model: Model,
    project: Project,
    state: bytes | None,
    weight: float,
    blocks: Mapping[str, float] | None = None,
    merged: Sequence[Sequence[str]] | None = None,
) -> Iterator[None]:
    """The model with a LoRA on it at this weight, times a block's own, and without it again afterwards.

    ``merged``: files (path, digest) that ``finish:`` adds; None puts it on as it was trained, without ``finish:``.
    """
    if state is None:
        yield
        return
    adapter = _trained(model, project, state) if merged is None else _finished(model, project, state, merged)
    layers = [name for name, _, _ in adapter.layers()]
    try:
        adapter.to(model.device).multiplier = weight
        adapter.share(_shares(layers, blocks or {}))
        yield
    finally:
        adapter.detach()


def _trained(model: Model, project: Project, state: bytes) -> Adapter:
    from lorabuild.models import family
    from lorabuild.networks import attach
    from lorabuild.publish import file

    layers = model.layers(
        family.TRAINED[project.training.train], convolutions=attach.wants_convolutions(project.network)
    )
    adapter = attach.attach(layers, project.network, project.training.seed)
    try:
        adapter.load_state(file.load(state))
    except BaseException:
        adapter.detach()
        raise
    return adapter


def _finished(model: Model, project: Project, state: bytes, merged: Sequence[Sequence[str]]) -> Adapter:
    from lorabuild.models import family
    from lorabuild.networks import attach, finish
    from lorabuild.publish import file, reworked

    others = [reworked.held(Path(path), digest)[0] for path, digest in merged]
    made = finish.finished(file.load(state), project.finish, others)
    return attach.load(model.layers(family.TRAINED["both"], convolutions=True), made)


def _shares(layers: Iterable[str], blocks: Mapping[str, float]) -> dict[str, float]:
    """Layer → factor of its block; a layer whose block isn't spoken of is left out."""
    from lorabuild.schema.blocks import block_of, expanded, size_of

    layers = list(layers)
    factors = expanded(blocks, size_of(layers))
    return {layer: factors[block] for layer in layers if (block := block_of(layer)) in factors}


TOLD = ("prompt", "epoch", "step", "weight", "seed")
"""What the event of a picture says of it, beside its digest."""


def _draw(easel: Easel, items: Sequence[Item], outputs: Outputs) -> Iterator[Event]:
    """What is to be said of each picture, once it is drawn."""
    from lorabuild.evaluate import picture

    shared = items[0].reads
    pictures = easel.model.sample(
        [item.reads["prompt"] for item in items],
        negatives=[item.reads["negative"] for item in items],
        seeds=[item.reads["seed"] for item in items],
        steps=shared["steps"],
        cfg=shared["cfg"],
        width=shared["size"][0],
        height=shared["size"][1],
        batch=easel.rows.batch,
        sampler=shared.get("sampler", ""),
    )
    for item, pixels in zip(items, pictures, strict=True):
        written = outputs.write(picture.png(pixels.numpy()))
        outputs.done(item, {"picture": written}, record=easel.rows.record)
        told = {word: item.reads[word] for word in TOLD if word in item.reads}
        yield Event("picture", "sample", {"item": item.id, "picture": written, **told})
