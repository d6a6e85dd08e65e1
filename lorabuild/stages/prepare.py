"""prepare: the training picture of every image – upright, sRGB, flattened – known by the digest of its pixels.

The pixels themselves are not kept: ``images.decode.prepared`` makes them again from the file where a stage needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest
from lorabuild.core.events import Emit, Event
from lorabuild.core.files import read_if_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.images.decode import Prepared, UnreadableError
    from lorabuild.schema.images import Images
    from lorabuild.schema.site import Site

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Prepare the images; one that changed since it was hashed is left for the next plan."""
    from functools import partial

    from lorabuild.images.decode import UnreadableError, record
    from lorabuild.images.pool import in_order, plain

    made_with = record()
    work = partial(_facts, settings=plain(site.project.images))
    answers = in_order(work, inputs, site.project.device.threads, 1, emit, "prepare")
    for done, (item, found) in enumerate(answers, start=1):
        if found is None:
            text = "changed while it was read; it is prepared next time"
            emit(Event("note", "prepare", {"code": "changed", "item": item.id, "text": text}))
        elif isinstance(found, UnreadableError):
            outputs.aside(item, found.what)
        else:
            outputs.done(item, facts=found, record=made_with)
        emit(Event("progress", "prepare", {"done": done, "total": len(inputs), "unit": "images"}))


def _facts(item: Item, settings: Images) -> dict[str, Any] | UnreadableError | None:
    """The facts of one image, or why there are none; None where it is no longer the file that was hashed."""
    from lorabuild.images.decode import UnreadableError, prepare

    data, side = read_if_there(item.reads["path"]), item.reads.get("mask")
    masked = read_if_there(side["path"]) if side else None
    if data is None or digest(data) != item.reads["file"]:
        return None
    if side and (masked is None or digest(masked) != side["file"]):
        return None
    try:
        made = prepare(data, settings)
        mask = _mask(made, masked, side["name"] if side else "", settings)
    except UnreadableError as error:
        return error
    return {"pixels": made.pixels, "width": made.image.width, "height": made.image.height, "alpha": made.alpha, **mask}


def _mask(made: Prepared, data: bytes | None, name: str, settings: Images) -> dict[str, Any]:
    """What is known of its mask: nothing where it has none."""
    from lorabuild.images import masks

    mask = masks.of_file(data, made, name) if data is not None else None
    if settings.masks == "alpha":
        mask = masks.of_alpha(made)
    return {"mask": mask.pixels, "mask_flaw": mask.flaw} if mask else {}
