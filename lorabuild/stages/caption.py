"""``caption``: scores, rules, triggers and a person's text become the words that the model is trained on."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lorabuild.captions.compose import Caption
    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.site import Site

VERSION = 2
BATCH = 256
"""Captions between two commits, and between two progress events: one takes well under a millisecond."""


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Write the caption of every item."""
    from lorabuild.captions import compose, levels, prune
    from lorabuild.captions.rules import rules_of

    project, total = site.project, len(inputs)
    table = _implications(inputs, site)
    if table is None:  # left undone: the engine plans again
        emit(
            Event("note", "caption", {"code": "changed", "text": "captions.implications changed since it was planned"})
        )
        return
    rules = levels.for_images(project, lambda more: rules_of(project.captions, more, table))
    triggers = cache(lambda names: prune.absorbers(project.triggers, names))
    count, lines = _counter(site), project.training.wildcards
    for done, (item, scores) in enumerate(_scored(inputs, outputs), start=1):
        reads, by_hand = item.reads, item.reads["override"]
        own, asked = triggers(tuple(reads["triggers"])), rules(reads["concept"], reads["path"])
        _store(item, compose.caption(scores, asked, own, by_hand, reads["frequency"], count, lines=lines), outputs)
        if done % BATCH == 0 or done == total:
            emit(Event("progress", "caption", {"done": done, "total": total, "unit": "captions"}))


def _scored(inputs: Sequence[Item], outputs: Outputs) -> Iterator[tuple[Item, list[Any]]]:
    """Every item with its scores, and with none where a person's text stands in their place."""
    from lorabuild.captions.human import parsed

    texts = {item.id: text for item in inputs if (text := item.reads["override"]) is not None}
    replaced = {name for name, text in texts.items() if parsed(text).text is not None}
    held = outputs.read_each([item.reads["scores"] for item in inputs if item.id not in replaced])
    yield from ((item, [] if item.id in replaced else json.loads(next(held))) for item in inputs)


def _store(item: Item, caption: Caption, outputs: Outputs) -> None:
    facts = {
        "caption": caption.text,
        "tags": list(caption.tags),
        "pruned": [list(pair) for pair in caption.pruned],
        "dropped": list(caption.dropped),
        "human": caption.human,
        **({"prose": list(caption.prose)} if caption.prose else {}),
        **({"cut": list(caption.cut)} if caption.cut else {}),
    }
    outputs.done(item, {"caption": outputs.write(caption.text.encode("utf-8"))}, facts=facts)


def _implications(inputs: Sequence[Item], site: Site) -> Mapping[str, tuple[str, ...]] | None:
    """The person's table; None when it is no longer what was planned."""
    from lorabuild.captions import implied
    from lorabuild.core.digest import digest

    named = site.project.captions.implications
    if not named or not inputs:
        return {}
    data = site.path(named).read_bytes()
    return implied.read(data, named) if digest(data) == inputs[0].parts["captions.implications"] else None


def _counter(site: Site) -> Callable[[str], int] | None:
    """A question for the tokens of a text, where some caption has a limit."""
    from lorabuild.captions import tokens
    from lorabuild.models.source import locate

    project = site.project
    said: list[Any] = [project.captions, *(one.captions for one in project.concepts.values()), *project.captions.for_]
    if not any(level and level.max_tokens for level in said):
        return None
    found = locate(site).files
    return tokens.counter([files for part, files in found.items() if part.startswith("tokenizer")])
