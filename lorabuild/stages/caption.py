"""``caption``: scores, rules, triggers and a person's text become the words that the model is trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.captions.compose import Caption
    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.site import Site

VERSION = 1
_EVERY = 256  # items between two progress events: one takes well under a millisecond


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Write the caption of every item."""
    from lorabuild.captions import compose, prune

    rules, total = compose.rules_of(site.project.captions), len(inputs)
    for done, item in enumerate(inputs, start=1):
        reads = item.reads
        scores = json.loads(outputs.read(reads["scores"])) if reads["override"] is None else []
        triggers = prune.absorbers(site.project.triggers, reads["triggers"])
        _store(item, compose.caption(scores, rules, triggers, reads["override"], reads["frequency"]), outputs)
        if done % _EVERY == 0 or done == total:
            emit(Event("progress", "caption", {"done": done, "total": total, "unit": "captions"}))


def _store(item: Item, caption: Caption, outputs: Outputs) -> None:
    facts = {
        "caption": caption.text,
        "tags": list(caption.tags),
        "pruned": [list(pair) for pair in caption.pruned],
        "dropped": list(caption.dropped),
        "human": caption.human,
    }
    outputs.done(item, {"caption": outputs.write(caption.text.encode("utf-8"))}, facts=facts)
