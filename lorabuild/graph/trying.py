"""Trying a LoRA: pictures of any prompt with the one that is built; the base model is loaded once and kept."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.events import Emit, silent
from lorabuild.core.files import write_atomic
from lorabuild.core.words import nearest
from lorabuild.graph import axes, products
from lorabuild.graph.drawn import drawn
from lorabuild.graph.free import free
from lorabuild.graph.grid_folder import out_folder
from lorabuild.graph.rebased import fitting
from lorabuild.graph.shots import lines, shot_of
from lorabuild.graph.trained import trained
from lorabuild.schema.prompt_lines import SIDE_STEP, parse
from lorabuild.stages import sample

if TYPE_CHECKING:
    from lorabuild.graph.drawing import Shot
    from lorabuild.graph.view import View
    from lorabuild.stages.sample import Easel

FOLDER = "try"
BY_AXIS = ("weight", "epoch", "seed", "steps", "cfg", "sampler", "blocks")
"""Settings that are read as the axes of a grid are."""

OTHERS = ("size", "negative", "number")
MOST = 64
"""Pictures of one prompt."""


class Trial:
    """What is set, and the model that draws.

    Args:
        view: the project, or the variant that is tried.
        over: the same over the base that is drawn on; often ``view`` itself.
        emit: the sink for events.

    Raises:
        ProjectError: nothing is trained yet.
    """

    def __init__(self, view: View, over: View, emit: Emit = silent) -> None:
        self.view, self.over, self.emit = view, over, emit
        known = trained(view)
        epoch = products.chosen(view) or max(known)
        self.words: dict[str, Any] = {"epoch": epoch}
        if view.project.finish:
            self.words["finished"] = epoch
        self.number = 1

    @cached_property
    def _easel(self) -> Easel:
        return sample.easel(self.over.site)

    def set(self, name: str, text: str) -> None:
        """Set one of ``BY_AXIS`` or ``OTHERS``. Raises ``ProjectError`` for what can't be."""
        if name == "number":
            self.number = _whole(text, "number", MOST)
        elif name == "size":
            self.words["size"] = _size(text)
        elif name == "negative":
            self.words["negative"] = text
        elif name in BY_AXIS:
            values = axes.axis(self.view, [f"{name}={text}"]).values
            if len(values) > 1:
                raise ProjectError(f"one {name} at a time", where=text, next_step="`lorabuild grid` draws several")
            self.words[name] = values[0]
        else:
            known = nearest(name, [*BY_AXIS, *OTHERS])
            hint = f"did you mean `{known}`?" if known else f"there are {', '.join([*BY_AXIS, *OTHERS])}"
            raise ProjectError(f"there is nothing called `{name}` to set", next_step=hint)

    def shots(self, text: str) -> list[Shot]:
        """What a prompt asks for: one picture each seed. Raises ``ProjectError`` for what can't be read in it."""
        found = (shot_of(self.view, {**self._unsaid(line), "prompt": line}) for line in lines(self.view, text))
        return [replace(shot, seed=shot.seed + place) for shot in found if shot for place in range(self.number)]

    def _unsaid(self, line: str) -> dict[str, Any]:
        """What is set, without what the line says itself."""
        said = {"size" if word in ("width", "height") else word for word in parse(line)}
        return {word: value for word, value in self.words.items() if word not in said}

    def draw(self, shots: list[Shot]) -> list[bytes]:
        """Their pictures (PNG)."""
        with fitting("" if self.over is self.view else self.over.project.base.model):
            return drawn(self.over, shots, self.emit, lambda: self._easel)


def told(shot: Shot, path: Path) -> dict[str, Any]:
    """A picture and what it is of, for ``--json``."""
    words = ("prompt", "negative", "epoch", "weight", "seed", "steps", "cfg", "sampler")
    return {"path": str(path), **{word: getattr(shot, word) for word in words}, "size": list(shot.size)}


def places(view: View, shots: list[Shot], asked: str | None = None, *, replace: bool = False) -> list[Path]:
    """Where the pictures go: to ``-o``, numbered where they are several, or in that folder, else below the output one.

    Raises ``ProjectError`` for what is there already, unless it is to be replaced.
    """
    folder = out_folder(view.site) / FOLDER if not asked else Path(asked)
    if not asked or asked.endswith(("/", os.sep)) or folder.is_dir():
        return _numbered(folder, shots)
    paths = _asked(folder, len(shots))
    for path in paths:
        free(path, replace=replace)
    return paths


def save(paths: list[Path], pictures: list[bytes]) -> None:
    """Write the pictures."""
    for path, data in zip(paths, pictures, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)


def _asked(path: Path, count: int) -> list[Path]:
    if path.suffix.lower() not in ("", ".png"):
        hint = "end it in .png; `lorabuild grid` writes other kinds"
        raise ProjectError(f"a picture can't be written as `{path.suffix}`", where=f"-o {path}", next_step=hint)
    path = path.with_suffix(".png")
    return [path] if count == 1 else [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]


def _numbered(folder: Path, shots: list[Shot]) -> list[Path]:
    """``0007-zorbl-forest.png``: the next free numbers."""
    held = (found for path in folder.glob("*.png") if (found := re.match(r"\d+", path.name)))
    first = max((int(found[0]) for found in held), default=0) + 1
    return [folder / f"{first + place:04}-{_slug(shot.prompt)}.png" for place, shot in enumerate(shots)]


def _slug(prompt: str) -> str:
    return "-".join(re.findall(r"[a-z0-9_]+", prompt.lower()))[:40].strip("-") or "picture"


def _whole(text: str, name: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ProjectError(f"`{text}` is no {name}", next_step=f"write a whole number, 1 to {most}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    """``512x768``, or ``512`` for a square."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*(?:[x×]\s*(\d{1,5}))?\s*", text.lower())
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if any(not side or side % SIDE_STEP for side in sides):
        step = f"write width x height in pixels, multiples of {SIDE_STEP}: 512x768"
        raise ProjectError(f"`{text}` is no size", next_step=step)
    return sides
