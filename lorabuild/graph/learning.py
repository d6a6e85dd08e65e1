"""The one item of the train stage: every picture with its caption, and everything that changes what is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.members import members
from lorabuild.graph.prior import prior_pictures
from lorabuild.graph.view import Draft, View, Waiting, item
from lorabuild.schema.consumed import consumed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Result


def train(view: View) -> Iterator[Draft]:
    """The LoRA. Its key reads latents and texts by *their* keys, so that a device change churns nothing."""
    stages = ("balance", "latents", "text", "caption")
    if any(view.step(stage).waiting or view.step(stage).todo for stage in stages):
        yield Waiting("train")
        return
    records = list(_records(view))
    parts: dict[str, Any] = {
        **{f"base.{part}": view.inventory.models[part] for part in ("unet", "text_encoder", "tokenizer", "scheduler")},
        "base.clip_skip": view.project.base.clip_skip,
        **consumed(view.project.training, "training"),
        **consumed(view.project.network, "network"),
        "budget.epochs": view.project.budget.epochs,
        **_roots(records),
    }
    if view.project.regularization:
        parts["regularization.prior_loss_weight"] = view.project.regularization.prior_loss_weight
    reads = {
        "records": [record for record, _ in records],
        "empty": _tokens(view.made("text")["(empty)"]),
        "epochs": view.project.budget.epochs,
    }
    draft = item("train", "train", parts, reads)
    yield item("train", "train", parts, {**reads, "key": draft.key})


def _records(view: View) -> Iterator[tuple[dict[str, Any], str]]:
    """Each training and prior picture as a record, with the digest of what is learned from it."""
    latents, captions = view.made("latents"), view.made("caption")
    items = {made.id: made for made in view.step("latents").items}
    texts, repeats = view.made("text"), balancing.table(view).repeats
    found = [
        (member.concept, member.id, captions[member.id].facts["caption"], latents[member.id], repeats[member.concept])
        for member in members(view)
        if not member.twin and member.id in latents and not latents[member.id].problem
    ]
    found += [("", prior.id, prior.reads["prompt"], latents[prior.id], 1) for prior in prior_pictures(view)]
    for concept, name, words, result, times in found:
        text = texts[words or "(empty)"]
        learned = digest(canonical([concept, text.key, result.key, times]))
        record = {
            "id": name,
            "concept": concept,
            "prior": not concept,
            "repeats": times,
            "latents": result.outputs["latents"],
            "size": items[name].reads.get("bucket") or items[name].reads["size"],
            "pixels": items[name].reads["pixels"] if concept else result.key,
            **_tokens(text),
        }
        yield record, learned


def _tokens(text: Result) -> dict[str, Any]:
    return {"tokens": text.outputs["tokens"], "hidden": text.outputs.get("hidden")}


def _roots(records: list[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """One digest a concept over what is learned from it, in no order."""
    concepts = sorted({record["concept"] for record, _ in records})
    return {
        f"images.{concept or 'regularization'}": digest(
            canonical(sorted(learned for record, learned in records if record["concept"] == concept))
        )
        for concept in concepts
    }
