"""The one item of the train stage: every picture with its caption, and everything that changes what is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance.buckets import bucket_of
from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.members import members
from lorabuild.graph.pictures import text_id
from lorabuild.graph.prior import prior_pictures
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def train(view: View) -> Iterator[Draft]:
    """The LoRA. Its key reads latents and texts by *their* keys, so that a device change churns nothing."""
    stages = ("balance", "latents", "text", "caption")
    asked: dict[str, Any] = {
        **{f"base.{part}": view.inventory.models[part] for part in ("unet", "text_encoder", "tokenizer", "scheduler")},
        "base.clip_skip": view.project.base.clip_skip,
        **view.site.consumed("training"),
        **view.site.consumed("network"),
        "budget.epochs": view.project.budget.epochs,
    }
    if view.project.regularization:
        asked["regularization.prior_loss_weight"] = view.project.regularization.prior_loss_weight
    if not all(view.step(stage).clean for stage in stages):
        yield Waiting("train", asked)
        return
    records = list(_records(view))
    parts = {**asked, **_roots(records)}
    reads = {
        "records": [record for record, _ in records],
        "empty": _text(view.held("text")[text_id("")][1]),
        "epochs": view.project.budget.epochs,
    }
    draft = item("train", "train", parts, reads)
    yield item("train", "train", parts, {**reads, "key": draft.key})


def _records(view: View) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Each training and prior picture as a record, with the keys of what is learned from it, and how often."""
    latents, texts = view.held("latents"), view.held("text")
    repeats, sizes = balancing.table(view).repeats, balancing.sizes(view)
    found = [
        (member.concept, member.id, member.caption, bucket_of(*member.size, sizes), member.pixels)
        for member in members(view)
        if not member.twin and member.caption is not None and member.size and member.id in latents
    ]
    found += [("", prior.id, prior.reads["prompt"], prior.reads["size"], prior.key) for prior in prior_pictures(view)]
    for concept, name, words, size, pixels in found:
        (key, outputs), (text, written), times = latents[name], texts[text_id(words)], repeats.get(concept, 1)
        record = {
            "id": name,
            "concept": concept,
            "prior": not concept,
            "repeats": times,
            "latents": outputs["latents"],
            "size": list(size),
            "pixels": pixels,
            "texts": [_text(written)],
            "sizes": [size[1], size[0], 0, 0, size[1], size[0]],
        }
        yield record, [text, key, times]


def _text(outputs: Mapping[str, str]) -> list[str | None]:
    """Digests of token ids and hidden states."""
    return [outputs["tokens"], outputs.get("hidden")]


def _roots(records: list[tuple[dict[str, Any], list[Any]]]) -> dict[str, Any]:
    """One digest a concept over what is learned from it, in no order."""
    concepts = sorted({record["concept"] for record, _ in records})
    return {
        f"images.{concept or 'regularization'}": digest(
            canonical(sorted(learned for record, learned in records if record["concept"] == concept))
        )
        for concept in concepts
    }
