"""A new project from a template: lora.yaml, what git should know, and empty folders for the pictures."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.core.words import nearest
from lorabuild.schema.loaded import FILE
from lorabuild.schema.plain import quoted

TEMPLATES: dict[str, str] = {
    "character": "one character",
    "outfits": "a character with two outfits that are asked for one by one",
    "style": "a way of drawing",
    "concept": "an object, a pose, a situation",
    "slider": "a direction between two prompts, without pictures",
}
DEFAULT_BASE = "stable-diffusion-v1-5/stable-diffusion-v1-5"
TRIGGER = re.compile(r"[^\W_]([\w.-]*\w)?")
_SHARED = {".gitignore": "gitignore", ".gitattributes": "gitattributes"}
_TRIGGER = "{{trigger}}"
_FOLDER = re.compile(r"\{\{images:([^}]*)\}\}")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a new project is about.

    Attributes:
        name: of the LoRA and its files.
        trigger: the word that it learns; a slider learns none.
        base: hub id, folder or file of the base model, as lora.yaml should have it.
        images: folders for the template's concepts, in order, as lora.yaml should have them; where there are fewer than
            concepts, the template's own folders are made.
    """

    name: str
    trigger: str
    base: str = DEFAULT_BASE
    images: tuple[str, ...] = ()


def scaffold(folder: Path, template: str, answers: Answers) -> list[Path]:
    """Make a project; all of it or nothing. Returns the files and folders that are new.

    Args:
        folder: where; made if it isn't there.
        template: one of ``TEMPLATES``.
        answers: what goes into the template.

    Raises:
        ProjectError: a file is there already, an answer can't be used, or there is no such template.
    """
    from lorabuild.schema.load import parse

    if template not in TEMPLATES:
        near = nearest(template, TEMPLATES)
        hint = f"did you mean `{near}`?" if near else f"choose one of: {', '.join(TEMPLATES)}"
        raise ProjectError(f"there is no template `{template}`", next_step=hint)
    texts = {FILE: _rendered(template, answers)}
    texts |= beside_lora_yaml()
    concepts = parse(texts[FILE], folder).project.concepts.values()
    for name in texts:
        if os.path.lexists(folder / name):
            raise ProjectError(
                f"{name} is there already, and is left as it is",
                where=str(folder / name),
                next_step="choose another folder (`lorabuild init DIR`), or move the file away",
            )
    return _write(folder, texts, [folder / concept.folder for concept in concepts if concept.folder])


def beside_lora_yaml() -> dict[str, str]:
    """What git should know: name → text of the files beside a new lora.yaml."""
    return {name: (templates() / source).read_text("utf-8") for name, source in _SHARED.items()}


def templates() -> Path:
    """The folder of the templates: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def asks(template: str) -> frozenset[str]:
    """What a template leaves open beside name and base: ``trigger``, ``images``."""
    text = (templates() / template / FILE).read_text("utf-8")
    return frozenset(word for word, found in (("trigger", _TRIGGER in text), ("images", _FOLDER.search(text))) if found)


def bad_trigger(word: str) -> str:
    """Why a word can't be the trigger of a new project; empty when it can."""
    if TRIGGER.fullmatch(word) and quoted(word) == word:
        return ""
    return f"`{word}` can't be a trigger: it must be one word of letters, digits, `_`, `-` or `.`, and no number"


def _rendered(template: str, answers: Answers) -> str:
    text = (templates() / template / FILE).read_text("utf-8")
    if _TRIGGER in text and (problem := bad_trigger(answers.trigger)):
        raise ProjectError(problem, where="--trigger", next_step="write `--trigger zorbl`")
    places = _FOLDER.findall(text)
    if len(answers.images) > len(places):
        raise ProjectError(
            f"the template `{template}` has {len(places)} concept folder(s), not {len(answers.images)}",
            where="--images",
            next_step=f"name {len(places)} at most, and add the others under `concepts:` in lora.yaml",
        )
    folders = iter([*answers.images, *places[len(answers.images) :]])
    text = _FOLDER.sub(lambda _place: quoted(next(folders)), text)
    for word in ("name", "trigger", "base"):
        text = text.replace("{{" + word + "}}", quoted(getattr(answers, word)))
    return text


def _write(folder: Path, texts: dict[str, str], folders: list[Path]) -> list[Path]:
    """Write everything; when that fails half-way, take away what was written."""
    made: list[Path] = []
    try:
        for new in [folder, *folders]:
            made += _made(new)
        for name, text in texts.items():
            made.append(folder / name)
            write_atomic(folder / name, text.encode())
    except BaseException as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise ProjectError(f"can't be written: {error.strerror}", where=str(error.filename or folder)) from error
        raise
    return [path for path in made if path != folder]


def _made(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the new ones, outermost first."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return new[::-1]
