"""``tag``: every image is tagged once; thresholds and rules are applied to the scores later."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.images import Images
    from lorabuild.schema.site import Site
    from lorabuild.taggers.tagger import Score, Tagger, Untagged

VERSION = 1
_MOST_THREADS = 8


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Tag every item: by its pixels, or by the text beside it. Raises ProjectError when the tagger can't be loaded."""
    from lorabuild.core.words import hand
    from lorabuild.images.pool import in_order

    settings, threads = site.project.captions.tagger, site.project.device.threads
    module = hand("taggers", settings.type)
    tagger = module.load(settings, site, threads or min(os.cpu_count() or 1, _MOST_THREADS))
    read = _text if module.READS == "side" else partial(_picture, settings=site.project.images)
    done = 0
    for chunk in _chunks(in_order(read, inputs, threads), tagger.batch):
        _tag(tagger, [(item, thing) for item, thing in chunk if _usable(item, thing, outputs, emit)], outputs)
        done += len(chunk)
        emit(Event("progress", "tag", {"done": done, "total": len(inputs), "unit": "images"}))


def _usable(item: Item, thing: Any, outputs: Outputs, emit: Emit) -> bool:
    """Whether there is something to tag; if not, say why."""
    from lorabuild.taggers.tagger import Untagged

    if thing is None:  # left undone: the engine plans again
        text = "changed since it was planned; it is tagged next time"
        emit(Event("note", "tag", {"code": "changed", "item": item.id, "text": text}))
    elif isinstance(thing, Untagged):
        outputs.aside(item, thing.why)
    else:
        return True
    return False


def _tag(tagger: Tagger, ready: Sequence[tuple[Item, Any]], outputs: Outputs) -> None:
    answers = tagger.tag([thing for _, thing in ready])
    for (item, _), scores in zip(ready, answers, strict=True):
        _store(item, scores, outputs, tagger)


def _store(item: Item, scores: list[Score] | Untagged, outputs: Outputs, tagger: Tagger) -> None:
    if isinstance(scores, list):
        data = json.dumps(scores, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        outputs.done(item, {"scores": outputs.write(data)}, record=tagger.record)
    else:
        outputs.aside(item, scores.why)


def _picture(item: Item, settings: Images) -> Any:
    """The prepared picture (Pillow RGB); None when the file is no longer what was planned."""
    from lorabuild.images import decode

    try:
        prepared = decode.prepared(item.reads["path"], settings)
    except (decode.UnreadableError, OSError):
        return None
    return prepared.image if prepared.pixels == item.reads["pixels"] else None


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
