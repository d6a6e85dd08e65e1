"""Report: one self-contained HTML page about the build.

One item. ``reads`` has every word that :mod:`lorabuild.stages.package` documents, and::

    {"images": [{…, "path": "/abs/a.png", "pixels": "b3:…"}, …],
                                       # with the file, and the digest of its prepared pixels
     "balance": {"concepts": […], "triggers": [{"name", "per_epoch", "total"}],
                 "steps": {"image", "optimizer", "epochs"}, "warnings": [{"code", "item", "text"}]},
                                       # the table of the balance stage, as `plan --json` prints it;
                                       # further warnings (duplicates) are added to its list
     "aside": [{"item": "dataset/plain/bad.png", "stage": "scan", "problem": "…"}],
     "log": digest or None,            # train's JSON lines {step, epoch, loss, lr, concepts, …}
     "stopped": "epoch 3 of 8: …",     # how an early stop ended the training, else empty
     "stages": [{"name": "tag", "ran": 1, "reused": 19, "seconds": 0.8}],    # of this build, in order
     "files": [{"name": "zorbl.safetensors", "sha256": hex, "bytes": 123}]}  # the package's facts, in order

Output: ``report.html``. A source file that changed or went away since the plan leaves the
item undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.evaluate.picture import Thumbnail
    from lorabuild.publish.gather import Drawings
    from lorabuild.publish.page import Picture
    from lorabuild.publish.upset import Learning
    from lorabuild.schema.site import Site

VERSION = 3
MOST_CARDS = 240
"""Pictures in the gallery, shared evenly among the concepts: the page stays within a few megabytes."""
CARD, SAMPLE = 320, 384
"""Longest side of a gallery picture and of a sample on the page, in pixels."""


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Draw the page."""
    from lorabuild.publish import gather, report

    for item in inputs:
        drawings = _drawings(item.reads, site, outputs, emit)
        if drawings is None:
            continue
        page = report.render(gather.gather(site.project, item.reads, drawings))
        outputs.done(item, {"report.html": outputs.write(page)}, facts={"bytes": len(page)})


def _drawings(reads: Mapping[str, Any], site: Site, outputs: Outputs, emit: Emit) -> Drawings | None:
    """Pictures and curves of the page; None where an image's file has changed since the plan."""
    from lorabuild.evaluate import loss, picture
    from lorabuild.publish import chart, gather

    images = _gallery(reads["images"], site, emit)
    if images is None:
        return None
    samples = {
        entry["picture"]: _picture(picture.thumbnail(picture.decode(outputs.read(entry["picture"])), SAMPLE))
        for entry in reads["pictures"]
    }
    steps = loss.read(outputs.read(reads["log"])) if reads["log"] else ()
    losses = [step.loss for step in steps]
    validated, epochs = loss.validated(steps), [step.epoch for step in steps]
    history = chart.History(losses, loss.smooth(losses), epochs, validated, loss.by_concept(steps), loss.rates(steps))
    means, learned = tuple(loss.by_epoch(steps).items()), _learned(reads, site)
    return gather.Drawings(images, samples, chart.curves(history), means, validated, learned)


def _learned(reads: Mapping[str, Any], site: Site) -> Learning | None:
    from lorabuild.captions.kinds import absorbed
    from lorabuild.publish import upset

    triggers = site.project.triggers
    return upset.learning(site.project, reads, {name: absorbed(trigger) for name, trigger in triggers.items()})


def _gallery(images: Sequence[Mapping[str, Any]], site: Site, emit: Emit) -> dict[tuple[str, str], Picture] | None:
    from lorabuild.evaluate import picture
    from lorabuild.images import decode

    shown = chosen(images, MOST_CARDS)
    gallery = {}
    for done, image in enumerate(shown, 1):
        try:
            prepared = decode.prepared(image["path"], site.project.images)
        except (OSError, decode.UnreadableError):
            return None
        if prepared.pixels != image["pixels"]:
            return None
        gallery[image["concept"], image["id"]] = _picture(picture.thumbnail(prepared.image, CARD))
        emit(Event("progress", "report", {"done": done, "total": len(shown), "unit": "pictures"}))
    return gallery


def chosen(images: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """At most ``most`` images, the first of each concept, no concept above its even share while others have more."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for image in images:
        groups.setdefault(image["concept"], []).append(image)
    shown: list[Mapping[str, Any]] = []
    left = most
    for number, group in enumerate(sorted(groups.values(), key=len)):
        part = group[: left // (len(groups) - number)]
        shown += part
        left -= len(part)
    return shown


def _picture(small: Thumbnail) -> Picture:
    from lorabuild.publish.page import Picture

    return Picture(small.data, small.media, small.width, small.height)
