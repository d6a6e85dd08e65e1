"""``sources:`` that lead nowhere, into no concept, or say of a kind of source what it doesn't have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.words import nearest
from lorabuild.schema.problems import Problem
from lorabuild.schema.source_places import base, kind, missing, moment, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.sources import Source

KINDS = "a folder, a glob, zip, cbz, csv, jsonl, a film, or an animated gif, webp, png or avif"
MOVING = ("frames", "every", "from_", "to", "alike")
Wrong = tuple[tuple[str, ...], str, str]


def sources(loaded: Loaded) -> Iterator[Problem]:
    """Concepts that get nothing, and words that don't go together."""
    project = loaded.project
    fed = {source.into for source in project.sources}
    for name, concept in project.concepts.items():
        if concept.folder is None and name not in fed:
            what = f"no folder is named for `{name}`, and no source leads into it"
            yield Problem(loaded.place("concepts", name), what, "write `folder: dataset/plain`")
    for number, source in enumerate(project.sources):
        for trail, what, next_step in _said(loaded, source):
            yield Problem(loaded.place("sources", str(number), *trail), what, next_step)


def _said(loaded: Loaded, source: Source) -> Iterator[Wrong]:
    known = loaded.project.concepts
    if source.into not in known:
        near = nearest(source.into, known)
        hint = f"did you mean `{near}`?" if near else f"write `{source.into}: {{triggers: […]}}` under `concepts:`"
        yield ("into",), f"there is no concept `{source.into}`", hint
    if source.frames and source.every:
        yield ("every",), "`frames` and `every` both say which frames are taken", "keep one of them"
    if source.every and not moment(source.every)[1]:
        yield ("every",), "no time lies between two frames", "write `every: 2s`; every frame is `frames: all`"
    first, last = (moment(text) if text else (None, None) for text in (source.from_, source.to))
    if any(one is not None and other is not None and one >= other for one, other in zip(first, last, strict=True)):
        yield ("to",), f"`to: {source.to}` does not lie after `from: {source.from_}`", "write a later moment"
    said = [word for word in MOVING if getattr(source, word) is not None]
    if said and kind(place(loaded.site, source.path)) in ("folder", "archive", "list"):
        word = said[0].rstrip("_")
        yield (word,), f"`{word}` is for films and animations, and `{source.path}` is none", f"leave `{word}` out"


def there(loaded: Loaded) -> Iterator[Wrong]:
    """Whether each source is there, and something that can be taken apart."""
    for number, source in enumerate(loaded.project.sources):
        where, path = ("sources", str(number), "path"), place(loaded.site, source.path)
        if name := missing(source.path):
            yield where, f"the variable `{name}` isn't set", f"set it: export {name}=/path/to/it"
        elif not source.path.strip() or not base(path).exists():
            near = nearest(path.name, _beside(path))
            hint = f"did you mean `{Path(source.path).with_name(near).as_posix()}`?" if near else "correct its path"
            yield where, f"there is no `{source.path}`", hint
        elif not kind(path):
            yield where, f"`{source.path}` is nothing that pictures are taken from", f"name {KINDS}"
        elif _overlap(loaded, base(path)):
            out = loaded.project.output.folder
            what = f"`{source.path}` and the output folder `{out}` lie in one another: results would become images"
            yield where, what, "write another `output: {folder: …}`"


def _beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _overlap(loaded: Loaded, path: Path) -> bool:
    """Whether a source lies in the output folder, or around it."""
    real, out = path.resolve(), loaded.site.path(loaded.project.output.folder).resolve()
    return real.is_relative_to(out) or (path.is_dir() and out.is_relative_to(real))
