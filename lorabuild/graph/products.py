"""The item of the package: the files that are handed out."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lorabuild import __version__
from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.graph import balancing, pick
from lorabuild.graph.allowed import output_want
from lorabuild.graph.drawing import epoch_name
from lorabuild.graph.epochs import beside
from lorabuild.graph.epochs import steps as ends
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import captioned, members, priors
from lorabuild.graph.models import merged_files
from lorabuild.graph.view import Draft, View, Waiting, item
from lorabuild.models.hub import parse
from lorabuild.networks import clients
from lorabuild.schema.families import FACTS
from lorabuild.schema.resolutions import resolutions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lorabuild.core.item import Result
    from lorabuild.schema.site import Site

PACKED = (
    *("name", "kind", "slider", "base.family", "base.vae", "base.clip_skip", "base.max_token_length"),
    *("images.resolution", "images.cache", "images.flip", "images.color_augment", "images.random_crop"),
    *("network", "training", "finish", "output"),
    *("regularization.prior_loss_weight", "samples.negative", "samples.weight"),
    *("samples.steps", "samples.cfg", "samples.seed"),
)
"""The words of lora.yaml that the files tell or follow; everything else is in them by way of its results."""
DRAWN = ("negative", "seed", "steps", "cfg", "size", "sampler", "step", "apart", "finished")
"""How a picture was drawn, as far as the files tell it."""
TOLD = frozenset({"concept", "width", "height", "bucket", "repeats", "caption", "again", "resolution"})
"""What the files tell of an image."""


def package(view: View) -> Iterator[Draft]:
    """The files that are handed out. Its key reads no place, so that a renamed image packs nothing again."""
    trained = view.made("train").get("train")
    pictures = _pictures(view)
    epoch = chosen(view) if trained else 0
    if trained is None or pictures is None or not epoch:
        yield Waiting("package")
        return
    reads = _facts(view, trained, epoch)
    parts = {
        **told(view.site),
        "lorabuild": __version__,
        "train": trained.key,
        "epoch": reads["epoch"],
        "batches": reads["batches"],
        "buckets": reads["buckets"],
        "images": content(reads["images"], TOLD),
        "priors": digest(canonical(reads["priors"])),
        "pictures": [entry["key"] for entry in pictures],
        "date": view.date,
        **({"merged": list(view.inventory.merged)} if view.inventory.merged else {}),
        **_beside(reads),
    }
    yield item("package", "package", parts, {**reads, "pictures": pictures})


def _beside(reads: Mapping[str, Any]) -> dict[str, Any]:
    """What else changes the files, where there is any of it: epochs beside, a base from the hub, a shared folder."""
    epochs = [[other["epoch"], other["steps"]] for other in reads["beside"]]
    found = {"beside": epochs, "hub": reads["base"]["hub"], "prefix": reads["prefix"]}
    return {name: value for name, value in found.items() if value}


def _prefix(view: View) -> str:
    """What README.md and SHA256SUMS begin with where other LoRAs may have theirs: variants, a folder outside."""
    shared = view.variant or output_want(view.site)
    return f"{view.project.name}-" if shared else ""


def chosen(view: View) -> int:
    """The epoch that is handed out, by ``output.epoch``; 0 while ``auto`` waits for what it is judged by.

    Raises ``ProjectError`` where there is none of that number.
    """
    trained, wanted = view.made("train")["train"], view.project.output.epoch
    if wanted == "auto":
        return pick.best(view)
    last = trained.facts["epochs"]
    epoch = last if wanted == "last" else int(wanted)
    if epoch_name(epoch) in trained.outputs:
        return epoch
    kept = [place for place in range(1, last + 1) if epoch_name(place) in trained.outputs]
    raise ProjectError(
        f"there is no epoch {epoch}: the training left {', '.join(map(str, kept))}",
        where="output.epoch",
        next_step=f"write `epoch: {kept[-1]}`, `last` or `auto`",
    )


def told(site: Site) -> dict[str, Any]:
    """What the files tell of lora.yaml, and in which order."""
    project, sides = site.project, resolutions(site.project)
    return {
        **{name: value for name, value in site.consumed().items() if _is_packed(name)},
        "base": PurePath(project.base.model).name,
        "triggers": list(project.triggers),
        "concepts": [[name, list(concept.triggers)] for name, concept in project.concepts.items()],
        **({"resolutions": sides} if sides != [project.images.resolution] else {}),
    }


def _is_packed(name: str) -> bool:
    """Whether the package reads a word of lora.yaml; folder and epoch are read by what follows from them."""
    return name not in ("output.folder", "output.epoch") and any(f"{name}.".startswith(f"{place}.") for place in PACKED)


def _facts(view: View, trained: Result, epoch: int) -> dict[str, Any]:
    epochs, base = trained.facts["epochs"], view.inventory.base
    table, steps = balancing.table(view), trained.facts["steps"]
    sides = [side for size in balancing.every_size(view) for side in size]
    return {
        "lora": trained.outputs[epoch_name(epoch)],
        "train_key": trained.key,
        "epoch": epoch,
        "epochs": epochs,
        "steps": steps if epoch == epochs else ends(view, trained)[epoch],
        "max_steps": steps,
        "batches": table.batches_per_epoch,
        "base": {
            "name": PurePath(view.project.base.model).name,
            "path": str(base.path) if base.kind == "file" else None,
            "prediction": base.prediction_type,
            "zero_terminal_snr": base.zero_terminal_snr,
            "hub": hub.repo if base.revision and (hub := parse(view.project.base.model)) else None,
        },
        "beside": beside(view, trained, epoch),
        "prefix": _prefix(view),
        "buckets": [min(sides), max(sides)],
        "images": _images(view),
        "held": len(held_out(view)),
        "clients": clients.said(
            view.project.network,
            open_clip=FACTS[view.project.base.family].open_clip,
            resized=any(step.resize for step in view.project.finish),
        ),
        "priors": _priors(view),
        "date": view.date,
        "merged": [list(pair) for pair in zip(map(str, merged_files(view.site)), view.inventory.merged, strict=True)],
    }


def _priors(view: View) -> list[dict[str, Any]]:
    """Every regularization image, drawn or of one's own. The base draws an image about as large as its resolution."""
    sides = resolutions(view.project)
    drawn = (made.reads["size"] for made in view.step("latents").items if made.reads.get("prior"))
    own = (member for member in priors(view) if member.size and not member.twin)
    found = [(size, min(sides, key=lambda side: abs(side**2 - math.prod(size)))) for size in drawn]
    found += [(list(fit.bucket), fit.resolution) for member in own for fit in balancing.fits(view, member)]
    return [{"bucket": bucket, "repeats": 1, **_resolution(view, side)} for bucket, side in found]


def _resolution(view: View, side: int) -> dict[str, int]:
    """What is said of a resolution where there are others than the project's."""
    project = view.project
    return {"resolution": side} if resolutions(project) != [project.images.resolution] else {}


def _images(view: View) -> list[dict[str, Any]]:
    told, found = captioned(view), []
    for member in members(view):
        facts = told.get(member.id)
        if member.twin or member.size is None or facts is None:
            continue
        times = 0 if member.id in held_out(view) else balancing.repeats(view, member)
        found += [
            {
                "id": fit.id,
                "concept": member.concept,
                **member.seen(view),
                "pixels": member.pixels,
                "width": member.size[0],
                "height": member.size[1],
                "bucket": list(fit.bucket),
                "repeats": times,
                **({"again": True} if place else {}),
                **_resolution(view, fit.resolution),
                "caption": facts["caption"],
                "tags": facts["tags"],
                "pruned": facts["pruned"],
                "dropped": facts["dropped"],
                "human": facts["human"],
            }
            for place, fit in enumerate(balancing.fits(view, member))
        ]
    return found


def content(images: list[dict[str, Any]], words: Collection[str]) -> str:
    """What the images are in these words, whatever they are called."""
    told = [{name: image[name] for name in words if name in image} for image in images]
    return digest(canonical(sorted(canonical(image).decode() for image in told)))


def _pictures(view: View) -> list[dict[str, Any]] | None:
    """The sample pictures in the order of lora.yaml; None while one waits."""
    drawn, step = view.made("sample"), view.step("sample")
    shown = [made for made in step.items if not made.reads.get("judging")]
    if step.waiting or any(made.id not in drawn for made in shown):
        return None
    return [
        {
            "prompt": made.reads["prompt"],
            "epoch": made.reads["epoch"],
            "weight": made.reads["weight"],
            "picture": drawn[made.id].outputs["picture"],
            "key": made.key,
            **{word: made.reads[word] for word in DRAWN if word in made.reads},
        }
        for made in shown
    ]
