"""The item of the package: the files that are handed out."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lorabuild import __version__
from lorabuild.balance.buckets import bucket_of
from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.drawing import epoch_name
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import captioned, members, priors
from lorabuild.graph.view import Draft, View, Waiting, item
from lorabuild.networks import clients
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lorabuild.core.item import Result
    from lorabuild.schema.site import Site

PACKED = (
    *("name", "kind", "slider", "base.family", "base.vae", "base.clip_skip", "base.max_token_length"),
    *("images.resolution", "images.cache", "images.flip", "images.color_augment", "images.random_crop"),
    *("network", "training", "output"),
    *("regularization.prior_loss_weight", "samples.negative", "samples.weight"),
)
"""The words of lora.yaml that the files tell or follow; everything else is in them by way of its results."""
TOLD = frozenset({"concept", "width", "height", "bucket", "repeats", "caption"})
"""What the files tell of an image."""


def package(view: View) -> Iterator[Draft]:
    """The files that are handed out. Its key reads no place, so that a renamed image packs nothing again."""
    trained = view.made("train").get("train")
    pictures = _pictures(view)
    if trained is None or pictures is None:
        yield Waiting("package")
        return
    reads = _facts(view, trained)
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
    }
    yield item("package", "package", parts, {**reads, "pictures": pictures})


def told(site: Site) -> dict[str, Any]:
    """What the files tell of lora.yaml, and in which order."""
    project = site.project
    return {
        **{name: value for name, value in site.consumed().items() if _is_packed(name)},
        "base": PurePath(project.base.model).name,
        "triggers": list(project.triggers),
        "concepts": [[name, list(concept.triggers)] for name, concept in project.concepts.items()],
    }


def _is_packed(name: str) -> bool:
    """Whether the package reads a word of lora.yaml; the folder is only where its files are put."""
    return name != "output.folder" and any(f"{name}.".startswith(f"{place}.") for place in PACKED)


def _facts(view: View, trained: Result) -> dict[str, Any]:
    epochs, base = trained.facts["epochs"], view.inventory.base
    table, steps = balancing.table(view), trained.facts["steps"]
    sides = [side for size in balancing.sizes(view) for side in size]
    return {
        "lora": trained.outputs[epoch_name(epochs)],
        "train_key": trained.key,
        "epoch": epochs,
        "epochs": epochs,
        "steps": steps,
        "max_steps": steps,
        "batches": table.batches_per_epoch,
        "base": {
            "name": PurePath(view.project.base.model).name,
            "path": str(base.path) if base.kind == "file" else None,
            "prediction": base.prediction_type,
            "zero_terminal_snr": base.zero_terminal_snr,
        },
        "buckets": [min(sides), max(sides)],
        "images": _images(view),
        "held": len(held_out(view)),
        "clients": clients.said(view.project.network, open_clip=FACTS[view.project.base.family].open_clip),
        "priors": [{"bucket": bucket, "repeats": 1} for bucket in _prior_buckets(view)],
        "date": view.date,
    }


def _prior_buckets(view: View) -> list[list[int]]:
    """The bucket of every regularization image, drawn or of one's own."""
    sizes = balancing.sizes(view)
    drawn = [made.reads["size"] for made in view.step("latents").items if made.reads.get("prior")]
    own = (member.size for member in priors(view) if member.size and not member.twin)
    return drawn + [list(bucket_of(*size, sizes)) for size in own]


def _images(view: View) -> list[dict[str, Any]]:
    repeats, sizes, told = balancing.table(view).repeats, balancing.sizes(view), captioned(view)
    found = []
    for member in members(view):
        facts = told.get(member.id)
        if member.twin or member.size is None or facts is None:
            continue
        found.append(
            {
                "id": member.id,
                "concept": member.concept,
                "path": str(member.absolute(view)),
                "pixels": member.pixels,
                "width": member.size[0],
                "height": member.size[1],
                "bucket": list(bucket_of(*member.size, sizes)),
                "repeats": 0 if member.id in held_out(view) else repeats[member.concept],
                "caption": facts["caption"],
                "tags": facts["tags"],
                "pruned": facts["pruned"],
                "dropped": facts["dropped"],
                "human": facts["human"],
            }
        )
    return found


def content(images: list[dict[str, Any]], words: Collection[str]) -> str:
    """What the images are in these words, whatever they are called."""
    told = [{name: image[name] for name in words} for image in images]
    return digest(canonical(sorted(canonical(image).decode() for image in told)))


def _pictures(view: View) -> list[dict[str, Any]] | None:
    """The sample pictures in the order of lora.yaml; None while one waits."""
    drawn = view.made("sample")
    step = view.step("sample")
    if step.waiting or any(made.id not in drawn for made in step.items):
        return None
    return [
        {
            "prompt": made.reads["prompt"],
            "epoch": made.reads["epoch"],
            "weight": made.reads["weight"],
            "picture": drawn[made.id].outputs["picture"],
            "key": made.key,
        }
        for made in step.items
    ]
