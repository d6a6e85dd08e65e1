"""prepare: the training picture of every image – upright, sRGB, flattened – known by the digest of its pixels.

Its pixels are not kept: ``images.decode.prepared`` makes them again from the file where a stage needs them, and cuts as
is remembered here. Only what a step has painted is kept, and a mask that a model has drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.digest import digest
from lorabuild.core.events import Emit, Event
from lorabuild.core.files import read_if_there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.images.decode import Prepared, UnreadableError
    from lorabuild.images.masks import Mask
    from lorabuild.schema.images import Images
    from lorabuild.schema.site import Site

VERSION = 1


class Made(NamedTuple):
    """What is known of a picture, and what is kept of it: ``picture`` and ``mask`` as PNG."""

    facts: dict[str, Any]
    kept: dict[str, bytes] | None = None


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Prepare the images; one that changed since it was hashed is left for the next plan."""
    from lorabuild.images.decode import UnreadableError, record

    for done, (item, found) in enumerate(_answers(inputs, site, emit), start=1):
        if found is None:
            text = "changed while it was read; it is prepared next time"
            emit(Event("note", "prepare", {"code": "changed", "item": item.id, "text": text}))
        elif isinstance(found, UnreadableError):
            outputs.aside(item, found.what)
        else:
            kept = {name: outputs.write(data) for name, data in (found.kept or {}).items()}
            outputs.done(item, kept, facts=found.facts, record=record() | _models(item))
        emit(Event("progress", "prepare", {"done": done, "total": len(inputs), "unit": "images"}))


def _answers(inputs: Sequence[Item], site: Site, emit: Emit) -> Iterator[tuple[Item, Made | UnreadableError | None]]:
    """Pictures for which a model is needed come last, one by one and here: it is loaded once."""
    from functools import partial

    from lorabuild.images.pool import in_order, plain
    from lorabuild.images.steps import heavy

    settings = plain(site.project.images)
    light = [item for item in inputs if not heavy(item.reads.get("steps", {}))]
    yield from in_order(partial(_made, settings=settings), light, site.project.device.threads, 1, emit, "prepare")
    for item in inputs:
        if heavy(item.reads.get("steps", {})):
            yield item, _made(item, settings)


def _models(item: Item) -> dict[str, str]:
    """On what models work."""
    from importlib.metadata import version

    from lorabuild.images.steps import MODELS

    asked = {word for word in MODELS if item.reads.get("steps", {}).get(word, "fill") != "fill"}
    names = [*(["onnxruntime"] if asked & {"detector", "mask_model"} else [])]
    names += ["torch"] if asked - {"detector", "mask_model"} else []
    return {name: version(name) for name in names}


def _made(item: Item, settings: Images) -> Made | UnreadableError | None:
    """One picture, or why there is none; None where a file is no longer the one that was hashed."""
    from lorabuild.images.decode import UnreadableError, prepare
    from lorabuild.images.steps import ChangedError

    data, side = read_if_there(item.reads["path"]), item.reads.get("mask")
    masked = read_if_there(side["path"]) if side else None
    if data is None or digest(data) != item.reads["file"]:
        return None
    if side and (masked is None or digest(masked) != side["file"]):
        return None
    try:
        made, name = prepare(data, settings), side["name"] if side else ""
        if steps := item.reads.get("steps"):
            return _stepped(made, masked, name, settings, steps)
        return Made(_facts(made, _mask(made, masked, name, settings)))
    except UnreadableError as error:
        return error
    except ChangedError:
        return None


def _stepped(made: Prepared, masked: bytes | None, name: str, settings: Images, steps: dict[str, Any]) -> Made:
    """The picture after its steps, and what of it can't be made again from its file."""
    from lorabuild.core.blobs import SMALL
    from lorabuild.images import decode, moves, saliency
    from lorabuild.images.steps import png, taken

    kept: dict[str, bytes] = {}
    if "mask_model" in steps:
        masked, name = png(saliency.mask(made.image, steps["mask_model"]), SMALL), "from `mask_model`"
        kept["mask"] = masked
    course = taken(made.image, steps, settings.background)
    after = decode.stepped(made.image, made.opacity, course.moves, settings)
    mask = _mask(after, masked, name, settings)
    if not course.painted:
        text = moves.written(course.moves)
        more = {"done": course.done} if course.done else {}
        return Made(_facts(after, mask) | more | ({"moves": text} if text else {}), kept)
    kept["picture"] = png(course.image, SMALL)
    after = decode.stepped(course.image, None, (), settings)
    if mask is not None:
        kept["mask"] = png(mask.image, SMALL)
        mask = _mask(after, kept["mask"], name, settings)
    return Made(_facts(after, mask) | {"alpha": made.alpha, "done": course.done}, kept)


def _facts(made: Prepared, mask: Mask | None) -> dict[str, Any]:
    """What later stages know of a picture and its mask."""
    masked = {"mask": mask.pixels, "mask_flaw": mask.flaw} if mask else {}
    return {
        "pixels": made.pixels,
        "width": made.image.width,
        "height": made.image.height,
        "alpha": made.alpha,
        **masked,
    }


def _mask(made: Prepared, data: bytes | None, name: str, settings: Images) -> Mask | None:
    """Its mask; None where it has none."""
    from lorabuild.images import masks

    if data is not None:
        return masks.of_file(data, made, name)
    return masks.of_alpha(made) if settings.masks == "alpha" else None
