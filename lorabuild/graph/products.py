"""The items of the last two stages: the package and the report."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lorabuild import __version__
from lorabuild.balance.buckets import bucket_of
from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.drawing import epoch_name
from lorabuild.graph.forecast import duplicates
from lorabuild.graph.members import members, size_of
from lorabuild.graph.status import aside
from lorabuild.graph.view import Draft, View, Waiting, item
from lorabuild.schema.consumed import consumed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Result


def package(view: View) -> Iterator[Draft]:
    """The files that are handed out. Its key reads no path, so that a renamed image packs nothing again."""
    trained = view.made("train").get("train")
    pictures = _pictures(view)
    if trained is None or pictures is None:
        yield Waiting("package")
        return
    reads = _facts(view, trained)
    concepts = [[name, list(concept.triggers)] for name, concept in view.project.concepts.items()]
    parts = {
        **{name: value for name, value in consumed(view.project, "").items() if _is_packed(name)},
        "lorabuild": __version__,
        "concepts": concepts,
        "train": trained.key,
        "epoch": reads["epoch"],
        "images": _content(reads["images"]),
        "pictures": sorted(entry["key"] for entry in pictures),
        "date": view.date,
    }
    yield item("package", "package", parts, {**reads, "pictures": pictures})


def _is_packed(name: str) -> bool:
    """Whether a word of lora.yaml is read by the package; what is drawn counts by its pictures."""
    return not name.startswith(("samples.", "concepts.")) or name in {"samples.negative", "samples.weight"}


def report(view: View) -> Iterator[Draft]:
    """The page about the build. What ran and how long it took is on it, and not in its key."""
    packed, trained = view.made("package").get("package"), view.made("train").get("train")
    if packed is None or trained is None:
        yield Waiting("report")
        return
    table = balancing.table(view).as_dict()
    balance = {**table, "warnings": [*table["warnings"], *duplicates(view)]}
    files = [{"name": name, **made} for name, made in packed.facts["files"].items()]
    base = next(made for made in view.step("package").items)
    parts = {
        **consumed(view.project, ""),
        "package": packed.key,
        "balance": digest(canonical(table)),
        "set aside": len(aside(view)),
    }
    reads = {
        **base.reads,
        "balance": balance,
        "aside": aside(view),
        "log": trained.outputs.get("log"),
        "stages": [{"name": name, **counts} for name, counts in view.tally.items()],
        "files": files,
    }
    yield item("report", "report", parts, reads)


def _facts(view: View, trained: Result) -> dict[str, Any]:
    epochs, base = view.project.budget.epochs, view.inventory.base
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
        },
        "buckets": [min(sides), max(sides)],
        "images": _images(view),
        "priors": [
            {"bucket": made.reads["size"], "repeats": 1}
            for made in view.step("latents").items
            if made.reads.get("prior")
        ],
        "date": view.date,
    }


def _images(view: View) -> list[dict[str, Any]]:
    captions, prepared = view.made("caption"), view.made("prepare")
    repeats, sizes = balancing.table(view).repeats, balancing.sizes(view)
    found = []
    for member in members(view):
        size = size_of(view, member.file)
        if member.twin or size is None or member.id not in captions:
            continue
        facts = captions[member.id].facts
        found.append(
            {
                "id": member.id,
                "concept": member.concept,
                "path": str(member.file.absolute),
                "pixels": prepared[member.file.path].facts["pixels"],
                "width": size[0],
                "height": size[1],
                "bucket": list(bucket_of(*size, sizes)),
                "repeats": repeats[member.concept],
                "caption": facts["caption"],
                "tags": facts["tags"],
                "pruned": facts["pruned"],
                "dropped": facts["dropped"],
                "human": facts["human"],
            }
        )
    return found


def _content(images: list[dict[str, Any]]) -> str:
    """What the images are, whatever they are called."""
    nameless = [{name: value for name, value in image.items() if name not in ("id", "path")} for image in images]
    return digest(canonical(sorted(canonical(image).decode() for image in nameless)))


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
