"""Package: the shipped file, epochs and side files beside it, preview, grid, model card and sums.

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
                                      # "resolution" where several are trained, and of priors, too
     "priors": [{"bucket": [512, 512], "repeats": 1}, …],
     "date": None,                    # SOURCE_DATE_EPOCH as an int, or None
     "pictures": [{"prompt": "zorbl, forest", "epoch": 8, "weight": 1.0, "picture": digest}, …],
                                      # epoch 0 = without the LoRA; "negative", "seed", "size", … as they were drawn;
                                      # "finished" where it is of what `finish:` made
     "beside": [{"epoch": 2, "steps": 100, "lora": digest}, …],      # epochs that are handed out, too
     "prefix": ""}                    # in front of README.md and SHA256SUMS where other LoRAs may have theirs

The ``.safetensors`` depends on everything but ``pictures``. Outputs: ``<name>.safetensors`` and, of the epochs beside
it, ``<name>-000002.safetensors``; unless ``output.without`` names them ``<name>.json`` and ``<name>.civitai.info``,
where there are pictures ``<name>.png`` (the shipped epoch's first prompt) and ``<name>-grid.png``, ``README.md`` with
``<name>-sample-2.png``, … (its further prompts), and ``SHA256SUMS``. Facts: ``files``: ``{name: {"sha256": hex,
"bytes": int}}``, ``sshs_model_hash``, and ``tag_frequency`` where the tag table was trimmed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.publish.facts import Run
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

VERSION = 2
MOST_SAMPLES = 12
"""Pictures on the model card."""
Files = dict[str, bytes]


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Pack the checkpoint. Raises ``StageError`` where its weights don't fit into fp16."""
    for done, item in enumerate(inputs, 1):
        files, metadata = handed(site.project, item.reads, outputs)
        facts: dict[str, Any] = {"files": {}, "sshs_model_hash": metadata["sshs_model_hash"]}
        for file, data in files.items():
            facts["files"][file] = {"sha256": _sha(data), "bytes": len(data)}
        if trimmed := metadata.get("lorabuild.tag_frequency"):
            facts["tag_frequency"] = trimmed
            note = {"code": "tags-trimmed", "item": item.id, "text": f"the metadata lists {trimmed}"}
            emit(Event("note", "package", note))
        outputs.done(item, {file: outputs.write(data) for file, data in files.items()}, facts=facts)
        emit(Event("progress", "package", {"done": done, "total": len(inputs), "unit": "files"}))


def handed(project: Project, reads: Mapping[str, Any], outputs: Outputs) -> tuple[Files, dict[str, str]]:
    """File name → bytes of everything that is handed out, and the metadata of the .safetensors."""
    from lorabuild.publish import sidecars

    name = project.name
    lora, metadata = shipped(project, reads, outputs.read(reads["lora"]))
    files = {f"{name}.safetensors": lora}
    for other in reads.get("beside", ()):
        file = f"{name}-{other['epoch']:06d}.safetensors"
        files[file], _ = shipped(project, {**reads, **other}, outputs.read(other["lora"]))
    files |= side_files(project, reads, outputs)
    files |= about(project, reads, outputs, files, metadata["sshs_model_hash"])
    if "sums" not in project.output.without:
        sums = {file: _sha(data) for file, data in files.items()}
        files[f"{reads.get('prefix', '')}SHA256SUMS"] = sidecars.sums(sums)
    return files, metadata


def shipped(project: Project, reads: Mapping[str, Any], state: bytes) -> tuple[bytes, dict[str, str]]:
    """The .safetensors bytes and their metadata."""
    from lorabuild.publish import dataset, facts, file, hashes, metadata

    made = facts.run_of(reads)
    base_hashes = hashes.model_hashes(Path(made.base.path)) if made.base.path else None
    held, plain = file.load(state), metadata.words(project, made, base_hashes)
    if project.finish:
        held, plain = _finished(project, reads, held, plain)
    tensors = file.bare(file.narrow(_even(project, held), project.output.precision))
    words = metadata.complete(tensors, plain, dataset.tag_table(made.images))
    return file.with_metadata(tensors, words), words


def _even(project: Project, state: Any) -> Any:
    """Layers of other strengths with the alpha that most have: diffusers reads no other in attention layers."""
    from lorabuild.networks import clients, stored, strength

    return stored.state_of(strength.even(stored.layers(state))) if project.network.type in clients.PLAIN else state


def _finished(project: Project, reads: Mapping[str, Any], state: Any, words: dict[str, str]) -> tuple[Any, Any]:
    """What ``finish:`` makes of the trained state, and of the words that tell of it."""
    from lorabuild.networks import finish, inspect
    from lorabuild.publish import reworked

    others = [reworked.held(Path(path), digest)[0] for path, digest in reads.get("merged", ())]
    made = finish.finished(state, project.finish, others)
    return made, reworked.corrected(words, inspect.about(state), inspect.about(made), finish.said(project.finish))


def side_files(project: Project, reads: Mapping[str, Any], outputs: Outputs) -> Files:
    """File name → bytes of what the web UI shows, and the grid."""
    from lorabuild.publish import sidecars

    files = {f"{project.name}.json": sidecars.card(project, made_of(project, reads))}
    if reads["pictures"]:
        draw = _slider_files if project.slider else _picture_files
        files |= draw(project, reads, outputs)
    kinds = {"a1111": ".json", "preview": ".png", "grid": "-grid.png"}
    unwanted = {project.name + kinds[kind] for kind in project.output.without if kind in kinds}
    return {file: data for file, data in files.items() if file not in unwanted}


def about(project: Project, reads: Mapping[str, Any], outputs: Outputs, files: Files, tensors: str) -> Files:
    """What tells of these files: the info of Civitai's kind, and the model card with its pictures.

    ``tensors``: ``sshs_model_hash`` of the .safetensors.
    """
    from lorabuild.evaluate import picture
    from lorabuild.publish import civitai, model_card

    made, without, found = made_of(project, reads), project.output.without, dict[str, bytes]()
    drawn = [] if project.slider else samples(project, reads)
    if "civitai" not in without:
        name = f"{project.name}.safetensors"
        lora = {"name": name, "data": files[name], "sha256": _sha(files[name]), "tensors": tensors}
        found[f"{project.name}.civitai.info"] = civitai.info(project, made, lora, drawn)
    if "card" not in without:
        first = f"{project.name}.png"
        names = [f"{project.name}-sample-{number}.png" for number in range(1, len(drawn) + 1)]
        names[:1] = [first] if drawn and first in files else names[:1]
        shown = dict(zip(names, drawn, strict=True))
        found |= {file: picture.preview(outputs.read(one["picture"])) for file, one in shown.items() if file != first}
        told = model_card.files(project, made, reads.get("beside", ()), [*files, *found])
        found[f"{reads.get('prefix', '')}README.md"] = model_card.card(project, made, shown, told)
    return found


def made_of(project: Project, reads: Mapping[str, Any]) -> Run:
    """The run, with what ``finish:`` did to it since."""
    from lorabuild.networks import finish
    from lorabuild.publish import facts
    from lorabuild.schema.plain import inline

    return replace(facts.run_of(reads), done=tuple(inline(step)[1:-1] for step in finish.said(project.finish)))


def samples(project: Project, reads: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The shipped epoch's pictures, one of each prompt."""
    from lorabuild.publish.sheet import shipped

    return shipped(reads["pictures"], reads["epoch"], project.samples.weight)[:MOST_SAMPLES]


def _picture_files(project: Project, reads: Mapping[str, Any], outputs: Outputs) -> Files:
    """The grid, prompts by epochs and weights; and the shipped epoch's first prompt for the card."""
    from lorabuild.evaluate import grid, picture
    from lorabuild.publish.sheet import sheet

    pictures = reads["pictures"]
    rows, columns, cells = sheet(pictures)
    read = [[_read(outputs, digest) for digest in row] for row in cells]
    best = samples(project, reads) or [entry for entry in pictures if entry["epoch"]] or pictures
    return {
        f"{project.name}-grid.png": grid.grid(rows, columns, read),
        f"{project.name}.png": picture.preview(outputs.read(best[0]["picture"])),
    }


def _slider_files(project: Project, reads: Mapping[str, Any], outputs: Outputs) -> Files:
    """A slider's grid, prompts by strengths; and for its card the first prompt at both ends and without it."""
    from lorabuild.evaluate import grid
    from lorabuild.publish import slider

    assert project.slider
    rows = list(slider.layout(reads["pictures"], project.slider))
    first = min(rows, key=lambda row: row.apart(reads["epoch"]))
    strengths = sorted(first.pictures)
    ends = sorted({strengths[0], 0.0, strengths[-1]})

    def drawn(names: Sequence[str], shown: Sequence[slider.Row], columns: Sequence[float]) -> bytes:
        cells = [[outputs.read(row.pictures[strength]["picture"]) for strength in columns] for row in shown]
        return grid.grid(names, [f"{strength:g}" for strength in columns], cells)

    return {
        f"{project.name}-grid.png": drawn([row.name for row in rows], rows, strengths),
        f"{project.name}.png": drawn([first.prompt], [first], ends),
    }


def _read(outputs: Outputs, digest: str | None) -> bytes | None:
    return None if digest is None else outputs.read(digest)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
