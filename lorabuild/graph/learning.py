"""The one item of the train stage: every picture with its caption, and everything that changes what is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import canonical, digest
from lorabuild.core.imported import code_digest
from lorabuild.graph import balancing, basis, preflight, sliding
from lorabuild.graph.allowed import code_of
from lorabuild.graph.course import epochs
from lorabuild.graph.heldout import held_out
from lorabuild.graph.lineage import origin
from lorabuild.graph.members import members
from lorabuild.graph.pictures import text_id
from lorabuild.graph.records import learned, roots, text_digests, without_cache
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.records import Learned


def train(view: View) -> Iterator[Draft]:
    """The LoRA. Its key reads latents and texts by *their* keys, so that a device change churns nothing."""
    stages = ("balance", "latents", "text", "caption")
    asked: dict[str, Any] = {
        **basis.for_training(view),
        **view.site.consumed("training"),
        **view.site.consumed("network"),
        "budget.epochs": epochs(view.project),
        **without_cache(view),
    }
    if code := code_of(view.site):
        asked["training.optimizer.code"] = code_digest(code)
    if view.project.regularization:
        asked["regularization.prior_loss_weight"] = view.project.regularization.prior_loss_weight
    if not all(view.step(stage).clean for stage in stages):
        yield Waiting("train", asked)
        return
    slider = view.project.slider
    found, out = list(sliding.learned(view, slider) if slider else learned(view)), _held(view)
    rows = [row for row in found if row.record["id"] not in out]
    held = [row for row in found if row.record["id"] in out]
    seen = sliding.key_parts(view, rows) if slider else {**roots(rows), **_validated(held)}
    begun = origin(view, asked, seen, rows)
    parts = {**asked, **seen, **begun.parts}
    reads = {
        "records": [row.record for row in begun.rows],
        "held": [row.record for row in held],
        "empty": text_digests(view.held("text")[text_id("")][1]),
        "epochs": epochs(view.project),
        **({} if begun.made else {"preflight": preflight.counted(view), "notes": list(begun.notes)}),
        **begun.reads,
    }
    draft = item("train", "train", parts, reads)
    yield item("train", "train", parts, {**reads, "key": draft.key})


def _held(view: View) -> set[str]:
    """What is held out, in every resolution."""
    out = held_out(view)
    return (
        {fit.id for member in members(view) if member.id in out for fit in balancing.fits(view, member)}
        if out
        else set()
    )


def _validated(held: list[Learned]) -> dict[str, str]:
    """What the images that are held out are, where there are any."""
    return {"validation": digest(canonical(sorted(roots(held).items())))} if held else {}
