"""``text``: token ids of every distinct caption; hidden states as well where no text encoder is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.family import Model
    from lorabuild.schema.site import Site

VERSION = 1
TOKENIZERS, ENCODERS = frozenset({"tokenizer", "tokenizer_2"}), frozenset({"text_encoder", "text_encoder_2"})
PIXELS = 1  # a text is small work: it goes through in the largest batch that the device takes


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Tokenize, and encode where frozen, a fixed number a pass; texts that are cut are named in a warning."""
    from lorabuild.models import device, family, source

    frozen = any(item.reads["frozen"] for item in inputs)
    parts = TOKENIZERS | ENCODERS if frozen else TOKENIZERS
    settings = site.project.device
    chosen = device.pick(settings)
    model = family.load(source.locate(site), site.project.base, parts, chosen, device.FULL)
    record = device.record(chosen, device.FULL, settings.batch)
    _warn_cut(model, inputs, site.project.base.max_token_length, emit)
    done = 0
    for alike in _by_length(model, inputs):
        for group, wanted in device.padded(alike, device.rows(chosen, PIXELS, settings.batch)):
            for item, made in zip(group[:wanted], _encoded(model, group), strict=False):
                outputs.done(item, {name: outputs.write(data) for name, data in made.items()}, record=record)
            done += wanted
            emit(Event("progress", "text", {"done": done, "total": len(inputs), "unit": "texts"}))


def _by_length(model: Model, items: Sequence[Item]) -> Iterator[list[Item]]:
    """Texts of equally many chunks together, the short ones first: no text is lengthened by another."""
    found: dict[int, list[Item]] = {}
    lengths: dict[int, int] = {}
    for item, count in zip(items, model.token_counts([item.reads["text"] for item in items]), strict=True):
        if count not in lengths:
            lengths[count] = model.tokenize([item.reads["text"]]).shape[-1]
        found.setdefault(lengths[count], []).append(item)
    for _, alike in sorted(found.items()):
        yield alike


def _encoded(model: Model, group: Sequence[Item]) -> list[Mapping[str, bytes]]:
    """Bytes of ``tokens``, and of ``hidden`` where the encoders are frozen, for each text of a full group."""
    from lorabuild.models.tensors import pack

    tokens = model.tokenize([item.reads["text"] for item in group])
    made: list[dict[str, Any]] = [{"tokens": pack({"tokens": row})} for row in tokens]
    if any(item.reads["frozen"] for item in group):
        encoded = model.encode_text(tokens.to(model.device))
        for place, (item, blobs) in enumerate(zip(group, made, strict=True)):
            if item.reads["frozen"]:
                blobs["hidden"] = pack({name: rows[place].float() for name, rows in encoded.items()})
    return [*made]


def _warn_cut(model: Model, items: Sequence[Item], room: int, emit: Emit) -> None:
    """Say which texts are longer than what is read of them; of many, which is the longest."""
    counts = model.token_counts([item.reads["text"] for item in items])
    cut = [(count, item.id) for item, count in zip(items, counts, strict=True) if count > room]
    if cut:
        count, longest = max(cut)
        more = f" (and {len(cut) - 1:,} more texts are too long)" if len(cut) > 1 else ""
        said = f"{count} tokens, of which the text encoder reads the first {room}: the rest has no effect{more}"
        emit(Event("warning", "text", {"code": "long-caption", "item": longest, "text": said}))
