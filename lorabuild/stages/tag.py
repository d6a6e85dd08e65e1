"""``tag``: every image is tagged once; thresholds and rules are applied to the scores later."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event
from lorabuild.core.item import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Outputs
    from lorabuild.schema.images import Images
    from lorabuild.schema.site import Site
    from lorabuild.taggers.tagger import Score, Tagger, Untagged

VERSION = 1
_MOST_THREADS = 8


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Tag every item: by its pixels, or by the text beside it. Raises ProjectError when a tagger can't be loaded.

    Several taggers are asked one after another, so that one at a time is in memory. What one of them said is kept under
    the key that it has alone: it isn't asked again when another one is added, or after a crash.
    """
    settings = site.project.captions.tagger
    if settings.type != "merged":
        _ask(settings, inputs, site, outputs, emit)
        return
    said = _Said(outputs, {part["key"]: part for item in inputs for part in item.reads["of"] if "scores" in part})
    for place, part in enumerate(settings.of):
        own = {item.reads["of"][place]["key"]: item for item in inputs}
        lacking = [
            Item(item.id, key, item.reads["of"][place]["parts"], item.reads)
            for key, item in own.items()
            if key not in said.known
        ]
        if lacking:
            _ask(part, lacking, site, said, emit)
    for item in inputs:
        said.join(item)


def _ask(settings: Any, inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """One tagger, all items."""
    from lorabuild.core.words import hand
    from lorabuild.images.pool import in_order, plain

    threads = site.project.device.threads
    module = hand("taggers", settings.type)
    tagger = module.load(settings, site, threads or min(os.cpu_count() or 1, _MOST_THREADS))
    images, show = plain(site.project.images), getattr(tagger, "show", None)
    read = _text if module.READS == "side" else partial(_picture, settings=images, show=show)
    done = 0
    for chunk in _chunks(in_order(read, inputs, threads, tagger.batch, emit, "tag"), tagger.batch):
        _tag(tagger, [(item, thing) for item, thing in chunk if _usable(item, thing, outputs, emit)], outputs)
        done += len(chunk)
        emit(Event("progress", "tag", {"done": done, "total": len(inputs), "unit": "images"}))


class _Said:
    """What the parts of a merged tagger said, by their keys: ``scores``, a blob, and ``record``; or the problem."""

    def __init__(self, outputs: Outputs, known: dict[str, Any]) -> None:
        self.outputs, self.known = outputs, known
        self.read, self.read_each = outputs.read, outputs.read_each
        self.write, self.scratch = outputs.write, outputs.scratch

    def done(self, item: Item, outputs: Mapping[str, str] | None = None, **told: Any) -> None:
        """A part has tagged an item."""
        self.known[item.key] = {**(outputs or {}), "record": dict(told.get("record") or {})}
        self.outputs.done(item, outputs, **told)

    def aside(self, item: Item, problem: str) -> None:
        """A part can't tag an item: then nobody does."""
        self.known[item.key] = {"problem": problem}

    def join(self, item: Item) -> None:
        """The result of an item from those of its parts; it is left undone where one of them left it."""
        from lorabuild.taggers.merged import joined

        found = [self.known[part["key"]] for part in item.reads["of"] if part["key"] in self.known]
        problems = [one["problem"] for one in found if "problem" in one]
        if problems:
            self.outputs.aside(item, problems[0])
        elif len(found) == len(item.reads["of"]):
            scores = joined(json.loads(self.read(one["scores"])) for one in found)
            _store(item, scores, self.outputs, {"of": [one["record"] for one in found]})


def _usable(item: Item, thing: Any, outputs: Outputs, emit: Emit) -> bool:
    """Whether there is something to tag; if not, say why."""
    from lorabuild.images.decode import UnreadableError
    from lorabuild.taggers.tagger import Untagged

    if thing is None:  # left undone: the engine plans again
        text = "changed since it was planned; it is tagged next time"
        emit(Event("note", "tag", {"code": "changed", "item": item.id, "text": text}))
    elif isinstance(thing, Untagged):
        outputs.aside(item, thing.why)
    elif isinstance(thing, UnreadableError):
        outputs.aside(item, thing.what)
    else:
        return True
    return False


def _tag(tagger: Tagger, ready: Sequence[tuple[Item, Any]], outputs: Outputs) -> None:
    answers = tagger.tag([thing for _, thing in ready])
    for (item, _), scores in zip(ready, answers, strict=True):
        _store(item, scores, outputs, tagger.record)


def _store(item: Item, scores: list[Score] | Untagged, outputs: Outputs, record: Mapping[str, Any]) -> None:
    if isinstance(scores, list):
        data = json.dumps([score.stored for score in scores], ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        outputs.done(item, {"scores": outputs.write(data)}, record=record)
    else:
        outputs.aside(item, scores.why)


def _picture(item: Item, settings: Images, show: Callable[[Any], Any] | None = None) -> Any:
    """The prepared picture (Pillow RGB), or what is shown of it; None when it is no longer what was planned."""
    from lorabuild.images import decode

    try:
        prepared = decode.prepared(item.reads["path"], settings, item.reads.get("moves", ""))
    except (decode.UnreadableError, OSError):
        return None
    if prepared.pixels != item.reads["pixels"]:
        return None
    return show(prepared.image) if show else prepared.image.copy()  # a copy knows nothing of its file


def _text(item: Item) -> str | Untagged | None:
    """The text beside the picture, empty where there is none; None when it is no longer what was planned."""
    from lorabuild.core.digest import digest
    from lorabuild.taggers.tagger import Untagged

    if item.reads["side"] is None:
        return ""
    side, planned = Path(item.reads["side"]), item.parts["text"]
    try:
        data = side.read_bytes()
        return data.decode("utf-8-sig") if digest(data) == planned else None
    except UnicodeDecodeError:
        return Untagged(f"{side.name} is not UTF-8 text: save it as UTF-8")
    except OSError as error:
        return None if planned else Untagged(f"{side.name} can't be read: {error.strerror}")


def _chunks(found: Iterable[tuple[Item, Any]], size: int) -> Iterator[list[tuple[Item, Any]]]:
    each = iter(found)
    while chunk := list(islice(each, size)):
        yield chunk
