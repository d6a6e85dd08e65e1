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
     "files": [{"name": "zorbl.safetensors", "sha256": hex, "bytes": 123}],  # the package's facts, in order
     "duplicates": [{"concept": "plain", "used": "dataset/plain/a.png", "left": "dataset/plain/b.png",
                     "kind": "same",     # or "near", "variant"
                     "seen": [{"path": "/abs/a.png"}, {"path": "/abs/b.png", "moves": "…"}]}],
     "words": [["zorbl", "contaminated-word", ["orb"], "the base reads …", "take a free word: …"]],
     "probe": {"answers": {"zorbl": 0.1}, "pictures": {"zorbl": digest}},    # where the base was asked, else empty
     "grids": [{"name": "epoch-weight", "file": "grid/epoch-weight.html", "axes": […], "cells": […], …}],
                                       # grids that a person drew of this training, see graph.grids.known
     "pick": {"epoch": 3, "weight": 1.0, "verdict": "good", "why": […], "rows": […]} or None,
     "models": {"base": {"source", "revision", "parts": {"unet": digest}}},  # as lora.lock has them,
     "record": {"train": [{"device", "dtype", "threads", …}]},               # and on what each stage ran
     "settings": digest, "lock": "sha256 of lora.lock" or ""}                # empty where variants are in it too

Below ``files`` every word may be missing. Output: ``report.html``. A source file that changed or went away since the
plan leaves the item undone; one of a pair of duplicates only leaves its pair out.
"""

from __future__ import annotations

from contextlib import suppress
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

VERSION = 5
MOST_CARDS = 240
"""Pictures in the gallery, shared evenly among the concepts: the page stays within a few megabytes."""
MOST_TWINS = 24
CARD, SAMPLE = 320, 384
"""Longest side of a gallery picture and of a sample on the page, in pixels."""
MANY, FEWER_PIXELS = 96, 0.7
"""Where there are more pictures of a kind, they are smaller."""


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
    from lorabuild.evaluate import loss
    from lorabuild.publish import chart, gather, grids

    images = _gallery([image for image in reads["images"] if not image.get("again")], site, emit)
    if images is None:
        return None
    drawn = {entry["picture"] for entry in reads["pictures"]}
    samples = {name: _kept(name, outputs, _side(SAMPLE, len(drawn))) for name in sorted(drawn)}
    asked = reads.get("probe", {}).get("pictures", {})
    cells, side = grids.fitting(reads.get("grids", ()))
    steps = loss.read(outputs.read(reads["log"])) if reads["log"] else ()
    losses = [step.loss for step in steps]
    validated, epochs = loss.validated(steps), [step.epoch for step in steps]
    history = chart.History(losses, loss.smooth(losses), epochs, validated, loss.by_concept(steps), loss.rates(steps))
    return gather.Drawings(
        images=images,
        samples=samples,
        curves=chart.curves(history),
        losses=tuple(loss.by_epoch(steps).items()),
        validated=validated,
        learning=_learned(reads, site),
        twins=_twins(reads.get("duplicates", ())[:MOST_TWINS], site),
        probes={name: _kept(picture, outputs) for name, picture in asked.items()},
        cells={digest: _kept(digest, outputs, side) for digest in sorted(cells)},
    )


def _side(usual: int, count: int) -> int:
    """The longest side of a picture, of which there are so many."""
    return usual if count <= MANY else round(usual * FEWER_PIXELS)


def _kept(blob: str, outputs: Outputs, side: int = SAMPLE) -> Picture:
    """A picture that lies in the store, small."""
    from lorabuild.evaluate import picture

    return _picture(picture.thumbnail(picture.decode(outputs.read(blob)), side))


def _learned(reads: Mapping[str, Any], site: Site) -> Learning | None:
    from lorabuild.captions.kinds import absorbed
    from lorabuild.publish import findings, upset

    triggers = site.project.triggers
    absorbs = {name: absorbed(trigger) for name, trigger in triggers.items()}
    return upset.learning(site.project, reads, absorbs, findings.words(reads))


def _twins(pairs: Sequence[Mapping[str, Any]], site: Site) -> dict[str, tuple[Picture, Picture]]:
    """Both pictures of each pair, by the name of the one that is left out, as far as their files are there."""
    from lorabuild.evaluate import picture
    from lorabuild.images import decode

    found = {}
    for pair in pairs:
        with suppress(OSError, decode.UnreadableError):
            both = (
                decode.prepared(one["path"], site.project.images, one.get("moves", "")).image for one in pair["seen"]
            )
            used, left = (_picture(picture.thumbnail(image, CARD)) for image in both)
            found[pair["left"]] = used, left
    return found


def _gallery(images: Sequence[Mapping[str, Any]], site: Site, emit: Emit) -> dict[tuple[str, str], Picture] | None:
    from lorabuild.evaluate import picture
    from lorabuild.images import decode

    shown = chosen(images, MOST_CARDS)
    gallery = {}
    for done, image in enumerate(shown, 1):
        try:
            prepared = decode.prepared(image["path"], site.project.images, image.get("moves", ""))
        except (OSError, decode.UnreadableError):
            return None
        if prepared.pixels != image["pixels"]:
            return None
        gallery[image["concept"], image["id"]] = _picture(picture.thumbnail(prepared.image, _side(CARD, len(shown))))
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
