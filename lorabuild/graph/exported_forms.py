"""The two forms of an export: folders and settings of the standard trainer, and an imagefolder with metadata.jsonl."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.balance.buckets import UNET_FACTOR
from lorabuild.core.files import folded, numbered
from lorabuild.graph import balancing
from lorabuild.graph.exporting import (
    NOT_IN_NAMES,
    Export,
    Row,
    alike,
    drawn,
    mask_of,
    notes,
    original,
    prepared,
    reading,
)
from lorabuild.schema import prompt_lines, toml_text
from lorabuild.schema.blocks import LONG
from lorabuild.schema.check_disk import HUB_ID
from lorabuild.schema.families import FACTS
from lorabuild.schema.kohya_export import Words, exported
from lorabuild.schema.picture_folders import named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lorabuild.graph.view import View


class Folder(NamedTuple):
    """Images of a concept (none: regularization) that are shown alike, and where they are written."""

    concept: str
    place: str
    repeats: int
    resolutions: tuple[int, ...]
    rows: list[Row]


def imagefolder(view: View, *, originals: bool) -> Export:
    """``metadata.jsonl`` with ``file_name`` and ``text``, and a folder of images for each concept."""
    picture = original if originals else prepared
    files: dict[str, Callable[[], bytes]] = {}
    lines = []
    with reading(view, originals=originals) as found:
        counts = _counts(view, found)
        for concept, rows in found.items():
            for row in rows if concept else ():
                files[name := f"{concept}/{row.name}{row.ending}"] = picture(view, row)
                lines.append(json.dumps({"file_name": name, "text": row.caption}, ensure_ascii=False))
        told = list(notes(view))
    files["metadata.jsonl"] = partial(_text, lines)
    told += [f"repeats have no place in it: {concept} × {count}" for concept, _, count in counts if count > 1]
    if view.project.images.masks != "none":
        told.append("masks have no place in it" + ("" if originals else "; they are the pictures' alpha"))
    told += ["regularization images have no place in it"] if "" in found else []
    return Export(files, told, {}, counts)


def kohya(view: View, to: Path, *, originals: bool) -> Export:
    """``img/6_name class``, ``reg``, masks, captions, dataset.toml, config.toml and the sample prompts."""
    project = view.project
    files: dict[str, Callable[[], bytes]] = {}
    with reading(view, originals=originals) as found:
        apart = originals and any(row.member.side for rows in found.values() for row in rows)
        folders = _folders(view, found)
        for one in folders:
            files |= _pictures(view, one.rows, one.place, apart=apart and bool(one.concept), originals=originals)
        pictures, told = drawn(view)[0], list(notes(view))
    if pictures and not apart:
        folders.append(Folder("", f"reg/1_{_classes(view)}", 1, (project.images.resolution,), []))
        files |= _drawn(view, folders[-1].place, pictures)
    vae, file = project.base.vae, project.samples.file
    model, other = _model(view, to, project.base.model), _model(view, to, vae) if vae else None
    words = exported(project, model, other, prompt_lines.read(view.site.path(file), file) if file else ())
    words.config |= {"masked_loss": True} if apart else {}
    alpha = project.images.masks != "none" and not apart
    if apart and ("" in found or pictures):
        folders = [one for one in folders if one.concept]
        told.append("masks in files of their own and regularization images don't go together there: `reg` is left out")
    files |= {"sample_prompts.txt": partial(_text, words.prompts)} if words.prompts else {}
    subsets = [(one, _subset(view, one, apart=apart, alpha=alpha)) for one in folders]
    files["dataset.toml"] = partial(_text, _dataset(view, words, subsets))
    files["config.toml"] = partial(_text, _config(view, words))
    multiple = 64 if FACTS[project.base.family].blocks == LONG else 32
    if (step := _step(view)) % multiple:
        told.append(f"bucket_reso_steps is {step}, and it takes multiples of {multiple}")
    return Export(files, told, words.left, _counts(view, found))


def _counts(view: View, found: Mapping[str, list[Row]]) -> list[tuple[str, int, int]]:
    """Concept, images and repeats of those that are shown alike."""
    return [
        (concept, len(one.rows), one.repeats) for concept, rows in found.items() if concept for one in alike(view, rows)
    ]


def _folders(view: View, found: Mapping[str, list[Row]]) -> list[Folder]:
    """Each concept's folder, its own; one more for those of its images that are shown otherwise."""
    folders, taken = list[Folder](), set[str]()
    for concept, every in found.items():
        for times, sides, rows in alike(view, every):
            name = f"img/{times}_{_named(view, concept)}" if concept else f"reg/1_{_classes(view)}"
            place = numbered(name, lambda one: folded(one) not in taken)
            taken.add(folded(place))
            folders.append(Folder(concept, place, times, sides, rows))
    return folders


def _pictures(
    view: View, rows: Sequence[Row], folder: str, *, apart: bool, originals: bool
) -> dict[str, Callable[[], bytes]]:
    """The images of a folder with their captions; ``apart``: and a mask of each in a folder beside it."""
    files: dict[str, Callable[[], bytes]] = {}
    for row in rows:
        files[f"{folder}/{row.name}{row.ending}"] = (original if originals else prepared)(view, row)
        files[f"{folder}/{row.name}.txt"] = partial(_text, [row.caption])
        if apart:
            files[f"{_masks(folder)}/{row.name}.png"] = partial(_mask, view, row)
    return files


def _drawn(view: View, folder: str, pictures: Sequence[tuple[str, str]]) -> dict[str, Callable[[], bytes]]:
    """The regularization images that the base has drawn, with their prompts."""
    files: dict[str, Callable[[], bytes]] = {}
    for number, (prompt, blob) in enumerate(pictures, start=1):
        files[f"{folder}/{number:04}.png"] = partial(view.store.read, blob)
        files[f"{folder}/{number:04}.txt"] = partial(_text, [prompt])
    return files


def _masks(folder: str) -> str:
    return f"masks/{folder.partition('/')[2]}"


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _mask(view: View, row: Row) -> bytes:
    """The mask of an image; white all over where it has none, for that trainer wants one of each."""
    from lorabuild.images import exported as pictures

    place = mask_of(view, row)
    seen, masked = row.member.seen(view), place.read_bytes() if place else None
    data, name = Path(seen["path"]).read_bytes(), place.name if place else ""
    return pictures.mask(data, view.project.images, masked, name, seen.get("moves", ""))


def _named(view: View, concept: str) -> str:
    """A concept's name, and the class word of its first trigger that has one."""
    said = view.project.concepts[concept]
    classes = (view.project.triggers[name].class_ for name in said.triggers)
    class_ = next((word for word in classes if word and not concept.endswith(word)), "")
    return NOT_IN_NAMES.sub("-", f"{concept} {class_}".strip())


def _classes(view: View) -> str:
    """The class word of the regularization images: in their folder's name, else the first trigger's that has one."""
    wanted = view.project.regularization
    if wanted and wanted.folder and (there := named(view.site.path(wanted.folder))):
        return there.tokens
    found = [trigger.class_ for trigger in view.project.triggers.values() if trigger.class_]
    return NOT_IN_NAMES.sub("-", found[0]) if found else "regularization"


def _subset(view: View, folder: Folder, *, apart: bool, alpha: bool) -> dict[str, Any]:
    """The words of a folder of images; with masks apart it takes no class words."""
    concept = folder.concept
    words: dict[str, Any] = {"image_dir": folder.place, "num_repeats": folder.repeats}
    if not concept:
        return words | {"is_reg": True, "class_tokens": _classes(view)}
    keep = view.project.training.keep_tokens
    words["keep_tokens"] = len(view.project.concepts[concept].triggers) if keep is None else keep
    words |= {"conditioning_data_dir": _masks(folder.place)} if apart else {"class_tokens": _named(view, concept)}
    return words | ({"alpha_mask": True} if alpha else {})


def _model(view: View, to: Path, text: str) -> str:
    """A model as it is named from the folder of the export; a hub id without its pin."""
    place = view.site.path(text)
    if not place.exists() and HUB_ID.fullmatch(text):
        return text.partition("@")[0]
    try:
        return Path(os.path.relpath(place, to.absolute())).as_posix()
    except ValueError:  # another drive
        return place.as_posix()


def _step(view: View) -> int:
    return view.project.images.buckets.step or view.inventory.base.vae_factor * UNET_FACTOR


def _dataset(view: View, words: Words, subsets: Sequence[tuple[Folder, dict[str, Any]]]) -> list[str]:
    """A dataset a resolution, with the folders that are trained in it."""
    lines = ["# Paths start from this folder: run the trainer in it.", "[general]", *toml_text.lines(words.subset)]
    for resolution in sorted({side for folder, _ in subsets for side in folder.resolutions}):
        lines += ["", "[[datasets]]", *toml_text.lines(_sizes(view, words, resolution))]
        for folder, subset in subsets:
            if resolution in folder.resolutions:
                lines += ["", "[[datasets.subsets]]", *toml_text.lines(subset)]
    return lines


def _sizes(view: View, words: Words, resolution: int) -> dict[str, Any]:
    """The words of a dataset."""
    sizes = balancing.sizes(view, resolution)
    sides = sorted({side for size in sizes for side in size})
    alone = len(sizes) == 1
    buckets = {"bucket_reso_steps": _step(view), "min_bucket_reso": sides[0], "max_bucket_reso": sides[-1]}
    settings = {"resolution": resolution, "enable_bucket": not alone, **({} if alone else buckets)}
    return settings | {key: value for key, value in words.dataset.items() if "bucket" not in key}


def _config(view: View, words: Words) -> list[str]:
    script = FACTS[view.project.base.family].script
    head = [f"# accelerate launch {script} --config_file config.toml, in this folder"]
    left = [f"#   {word}: {why}" for word, why in words.left.items()]
    return [*head, *toml_text.lines(words.config), *(["", "# What did not come along:", *left] if left else [])]
