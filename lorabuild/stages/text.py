"""``text``: token ids of every distinct caption; hidden states as well where no text encoder is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.family import Model
    from lorabuild.schema.site import Site

VERSION = 1
PIXELS = 1  # a text is small work: it goes through in the largest batch that the device takes


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Tokenize, and encode where frozen, a fixed number a pass; texts that are cut are named in a warning."""
    from lorabuild.models import device, family, source

    frozen = any(item.reads["frozen"] for item in inputs)
    parts = ("tokenizer", "text_encoder") if frozen else ("tokenizer",)
    settings = site.project.device
    chosen = device.pick(settings)
    model = family.load(source.locate(site), site.project.base, parts, chosen, device.FULL)
    record = device.record(chosen, device.FULL, settings.batch)
    done = 0
    for group, wanted in device.padded(inputs, device.rows(chosen, PIXELS, settings.batch)):
        _warn_cut(model, group[:wanted], emit)
        for item, made in zip(group[:wanted], _encoded(model, group), strict=False):
            outputs.done(item, {name: outputs.write(data) for name, data in made.items()}, record=record)
        done += wanted
        emit(Event("progress", "text", {"done": done, "total": len(inputs), "unit": "texts"}))


def _encoded(model: Model, group: Sequence[Item]) -> list[Mapping[str, bytes]]:
    """Bytes of ``tokens``, and of ``hidden`` where the encoder is frozen, for each text of a full group."""
    from lorabuild.models.tensors import pack

    tokens = model.tokenize([item.reads["text"] for item in group])
    made: list[dict[str, Any]] = [{"tokens": pack({"tokens": row})} for row in tokens]
    if any(item.reads["frozen"] for item in group):
        hidden = model.encode_text(tokens.to(model.device)).float()
        for item, row, blobs in zip(group, hidden, made, strict=True):
            if item.reads["frozen"]:
                blobs["hidden"] = pack({"hidden": row})
    return [*made]


def _warn_cut(model: Model, group: Sequence[Item], emit: Emit) -> None:
    """Say which texts are longer than the encoder reads."""
    texts = [item.reads["text"] for item in group]
    room = model.tokenize([""]).shape[1] - 2
    for item, count in zip(group, model.token_counts(texts), strict=True):
        if count > room:
            said = f"{count} tokens, of which the text encoder reads the first {room}: the rest has no effect"
            emit(Event("warning", "text", {"code": "long-caption", "item": item.id, "text": said}))
