"""Package: the shipped file, its side file, its preview and the grid.

One item. ``reads`` is plain JSON (digests are ``b3:…`` of blobs in the store)::

    {"lora": digest,                  # fp32 state of the epoch that is shipped (train's ``epoch-0008``)
     "train_key": key, "epoch": 8, "epochs": 8,
     "steps": 400, "max_steps": 400,  # optimizer steps up to this epoch, and of the whole run
     "batches": 50,                   # batches an epoch, or None
     "base": {"name": "base", "path": None, "prediction": "epsilon"},
                                      # name without folders; path (absolute) only of a single-file base;
                                      # prediction is Located.prediction_type
     "buckets": [256, 1024],          # shortest and longest side in pixels
     "images": [{"id": "dataset/plain/a.png", "concept": "plain", "width": 640, "height": 480,
                 "bucket": [576, 448], "repeats": 5, "caption": "zorbl, grass", "tags": ["grass"],
                 "pruned": [["teal_skin", "zorbl"]], "dropped": ["meme"], "human": False}, …],
                                      # one entry for each trained image of each concept, in project order;
                                      # width and height after prepare; further words are left alone
     "priors": [{"bucket": [512, 512], "repeats": 1}, …],
     "date": None,                    # SOURCE_DATE_EPOCH as an int, or None
     "pictures": [{"prompt": "zorbl, forest", "epoch": 8, "weight": 1.0, "picture": digest}, …]}
                                      # epoch 0 = without the LoRA

The ``.safetensors`` depends on everything but ``pictures``. Outputs: ``<name>.safetensors``, ``<name>.json``, and where
there are pictures ``<name>.png`` (the shipped epoch's first prompt) and ``<name>-grid.png``. Facts: ``files``:
``{name: {"sha256": hex, "bytes": int}}``, ``sshs_model_hash``, and ``tag_frequency`` where the tag table was trimmed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site
    from lorabuild.schema.slider import Slider

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Pack the checkpoint. Raises ``StageError`` where its weights don't fit into fp16."""
    for done, item in enumerate(inputs, 1):
        name = site.project.name
        lora, metadata = shipped(site.project, item.reads, outputs.read(item.reads["lora"]))
        files = {f"{name}.safetensors": lora, **side_files(site.project, item.reads, outputs)}
        facts: dict[str, Any] = {"files": {}, "sshs_model_hash": metadata["sshs_model_hash"]}
        for file, data in files.items():
            facts["files"][file] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        if trimmed := metadata.get("lorabuild.tag_frequency"):
            facts["tag_frequency"] = trimmed
            note = {"code": "tags-trimmed", "item": item.id, "text": f"the metadata lists {trimmed}"}
            emit(Event("note", "package", note))
        outputs.done(item, {file: outputs.write(data) for file, data in files.items()}, facts=facts)
        emit(Event("progress", "package", {"done": done, "total": len(inputs), "unit": "files"}))


def shipped(project: Project, reads: Mapping[str, Any], state: bytes) -> tuple[bytes, dict[str, str]]:
    """The .safetensors bytes and their metadata."""
    from lorabuild.publish import dataset, facts, file, hashes, metadata

    made = facts.run_of(reads)
    base_hashes = hashes.model_hashes(Path(made.base.path)) if made.base.path else None
    tensors = file.bare(file.halve(file.load(state)))
    words = metadata.complete(tensors, metadata.words(project, made, base_hashes), dataset.tag_table(made.images))
    return file.with_metadata(tensors, words), words


def side_files(project: Project, reads: Mapping[str, Any], outputs: Outputs) -> dict[str, bytes]:
    """File name → bytes of what lies beside the .safetensors."""
    from lorabuild.evaluate import grid, picture
    from lorabuild.publish import facts, sidecars

    files = {f"{project.name}.json": sidecars.card(project, facts.run_of(reads))}
    pictures = reads["pictures"]
    if not pictures:
        return files
    if project.slider:
        return files | _slider_files(project, project.slider, reads, outputs)
    columns = list(dict.fromkeys((entry["epoch"], entry["weight"]) for entry in pictures))
    columns.sort()
    drawn = {(entry["prompt"], entry["epoch"], entry["weight"]): entry["picture"] for entry in pictures}
    prompts = list(dict.fromkeys(entry["prompt"] for entry in pictures))
    cells = [[_read(outputs, drawn.get((prompt, *column))) for column in columns] for prompt in prompts]
    files[f"{project.name}-grid.png"] = grid.grid(prompts, labels(columns), cells)
    best = [entry for entry in pictures if entry["epoch"] == reads["epoch"]] or pictures
    files[f"{project.name}.png"] = picture.preview(outputs.read(best[0]["picture"]))
    return files


def _slider_files(project: Project, settings: Slider, reads: Mapping[str, Any], outputs: Outputs) -> dict[str, bytes]:
    """A slider's grid, prompts by strengths; and for its card the first prompt at both ends and without it."""
    from lorabuild.evaluate import grid
    from lorabuild.publish import slider

    rows = list(slider.layout(reads["pictures"], settings))
    first = next((row for row in rows if row.epoch == reads["epoch"]), rows[0])
    strengths = sorted(first.pictures)
    ends = sorted({strengths[0], 0.0, strengths[-1]})

    def drawn(names: Sequence[str], shown: Sequence[slider.Row], columns: Sequence[float]) -> bytes:
        cells = [[outputs.read(row.pictures[strength]["picture"]) for strength in columns] for row in shown]
        return grid.grid(names, [f"{strength:g}" for strength in columns], cells)

    return {
        f"{project.name}-grid.png": drawn([row.name for row in rows], rows, strengths),
        f"{project.name}.png": drawn([first.prompt], [first], ends),
    }


def labels(columns: Sequence[tuple[int, float]]) -> list[str]:
    """What stands above each (epoch, weight); the weight is said only where there are several."""
    several = len({weight for epoch, weight in columns if epoch}) > 1
    return [
        "without LoRA" if not epoch else f"epoch {epoch}" + (f", weight {weight:g}" if several else "")
        for epoch, weight in columns
    ]


def _read(outputs: Outputs, digest: str | None) -> bytes | None:
    return None if digest is None else outputs.read(digest)
