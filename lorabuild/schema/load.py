"""lora.yaml → a checked ``Project``, with the place of every word. Everything wrong with it is told at once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lorabuild.core.errors import ProjectError
from lorabuild.schema.consumed import consumed
from lorabuild.schema.document import Document, Place, read
from lorabuild.schema.explain import told
from lorabuild.schema.loaded import FILE, Loaded
from lorabuild.schema.nearby import absent
from lorabuild.schema.override import apply
from lorabuild.schema.problems import Problem, ProblemsError
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.schema.variants import documents
from lorabuild.schema.words import fields, shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lorabuild.schema.section import Section

Found = tuple[Place, Problem]


def load(path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Read and check one lora.yaml.

    Args:
        path: the file, or the folder that holds it.
        overrides: ``a.b=c`` as in ``--set``; they win over the file.

    Raises:
        ProblemsError: something in the file is wrong.
        ProjectError: there is no such file, or it can't be read.
    """
    file = path / FILE if path.is_dir() else path
    data = _read(file)
    loaded = parse(_text(file, data), file.absolute().parent, file.name, overrides)
    return loaded if overrides else replace(loaded, text=data)


def parse(text: str, root: Path, source: str = FILE, overrides: Sequence[str] = ()) -> Loaded:
    """Check the text of a lora.yaml for a project in ``root``. Raises ``ProblemsError``."""
    document = read(text, source)
    if document.data is None and not document.problems:
        document.blame(
            (), Place(source, 1, 1), "this file is empty", "`lorabuild init` in an empty folder shows what to write"
        )
    elif not isinstance(document.data, dict) and not document.problems:
        what = "this is no lora.yaml: it must be `word: value` lines"
        document.blame((), Place(source, 1, 1), what, "begin with `name: …`")
    if isinstance(document.data, dict):
        for override in overrides:
            apply(document, override)
    loaded = _settled(document, root)
    return replace(loaded, variants={name: _settled(one, root) for name, one in documents(document)})


def _settled(document: Document, root: Path) -> Loaded:
    """What a document says, if nothing is wrong with it. Raises ``ProblemsError``."""
    project, problems = _checked(document)
    if problems or project is None:
        raise ProblemsError([problem for _, problem in sorted(problems, key=_order)])
    return Loaded(project, Site(project, root, consumed(project, "")), lambda: document)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise absent(file) from None
    except OSError as error:
        raise ProjectError(f"{file.name} can't be read: {error.strerror}", where=str(file)) from error


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ProjectError(
            "this file is not UTF-8 text",
            where=f"{file.name}:{line}:1",
            next_step="save it again with the encoding UTF-8",
        ) from None


def _checked(document: Document) -> tuple[Project | None, list[Found]]:
    problems = [(place, problem) for _, place, problem in document.problems]
    if not isinstance(document.data, dict):
        return None, problems
    problems += _lacking(document)
    try:
        project = Project.model_validate_json(json.dumps(completed(document.data, Project)), strict=True)
    except ValidationError as invalid:
        spoiled = {trail for trail, _, _ in document.problems if trail}
        return None, problems + _explained(invalid, document, spoiled)
    return project, problems


def _lacking(document: Document) -> list[Found]:
    """What a project of its kind can't do without: a LoRA has concepts, a slider what it moves."""
    needed = "slider" if document.data.get("kind") == "slider" else "concepts"
    if document.data.get(needed) not in (None, {}) or any(trail[:1] == (needed,) for trail, _, _ in document.problems):
        return []
    error = {"type": "too_short" if needed in document.data else "missing", "loc": (needed,)}
    trail, place, what, next_step = told(error, document)
    return [(place, Problem(document.where(trail), what, next_step))]


def _explained(invalid: ValidationError, document: Document, spoiled: set[tuple[str, ...]]) -> list[Found]:
    found = []
    for error in invalid.errors(include_url=False):
        trail, place, what, next_step = told(dict(error), document)
        if not any(trail[: len(bad)] == bad for bad in spoiled):
            found.append((place, Problem(document.where(trail), what, next_step)))
    return found


def _order(found: Found) -> tuple[bool, int, int]:
    place, _ = found
    return place.line == 0 and ":" not in place.source, place.line, place.column


def completed(data: dict[str, Any], section: type[Section]) -> dict[str, Any]:
    """Fill in what a person may leave out: sections with nothing in them, and the usual ``type`` of a section.

    Returns new plain data; unknown words stay, to be complained about later.
    """
    filled = dict(data)
    for name, field in fields(section).items():
        if name not in data:
            continue
        value, found = data[name], shape(field.annotation)
        if value is None and found.kind in ("section", "union", "map", "list") and not found.optional:
            if not field.is_required():
                del filled[name]
                continue
            value = {}
        default = None if field.is_required() else field.default
        filled[name] = _filled(value, field.annotation, getattr(default, "type", None))
    return filled


def _filled(value: Any, annotation: Any, usual: str | None = None) -> Any:
    found = shape(annotation)
    if found.kind == "map" and isinstance(value, dict):
        bare = shape(found.items).section is not None
        return {name: _filled({} if entry is None and bare else entry, found.items) for name, entry in value.items()}
    if found.kind == "list" and isinstance(value, list):
        return [_filled(entry, found.items) for entry in value]
    if not isinstance(value, dict):
        return value
    if found.kind == "union" and usual:
        value = {"type": usual, **value}
    kind = value.get("type")
    section = found.section or (dict(found.variants).get(kind) if isinstance(kind, str) else None)
    return completed(value, section) if section else value
