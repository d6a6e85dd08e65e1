"""A drawn grid as files: a labelled picture, a page, and what a program wants to know of both."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.graph.axes import label
from lorabuild.graph.free import free
from lorabuild.graph.grid_folder import PAGE, folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.graph.view import View
    from lorabuild.graph.xyz import Cell, Plot
    from lorabuild.publish.page import Picture

KINDS = {".png": "PNG", ".webp": "WEBP"}


def places(view: View, plot: Plot, asked: str | None, *, replace: bool = False) -> list[Path]:
    """Where the files go: ``-o``, whose ending says which of them, or picture and page below the output folder.

    Raises ``ProjectError`` for an ending that is none of ``KINDS`` and ``PAGE``, and for what is there already, unless
    it is to be replaced.
    """
    paths = _meant(view, plot, asked)
    for path in paths if asked else ():
        free(path, replace=replace)
    return paths


def _meant(view: View, plot: Plot, asked: str | None) -> list[Path]:
    path = Path(asked).absolute() if asked else folder(view.site) / "-".join(filter(None, names(plot)))
    if path.suffix in (*KINDS, PAGE):
        return [path]
    if asked and path.suffix and not path.is_dir():
        what = f"a grid can't be written as `{path.suffix}`"
        hint = f"end it in {', '.join(KINDS)} or {PAGE}, or in nothing"
        raise ProjectError(what, where=f"-o {asked}", next_step=hint)
    path = path / "grid" if path.is_dir() else path
    return [path.with_name(path.name + ending) for ending in (".png", PAGE)]


def names(plot: Plot) -> list[str]:
    """What changes along columns, rows and pages; empty where nothing does."""
    return [next((name for head in heads for name in head.sets), "") for heads in plot.heads]


def written(view: View, plot: Plot, pictures: Sequence[bytes | None], paths: Sequence[Path]) -> None:
    """Write the files. Raises ``ProjectError`` where they can't be drawn that large."""
    for path in paths:
        data = _page(view, plot, pictures) if path.suffix == PAGE else _picture(view, plot, pictures, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)


def told(plot: Plot, count: Mapping[str, int], paths: Sequence[Path]) -> dict[str, Any]:
    """What ``--json`` prints: the files, the axes, every cell with its words, and how many were drawn."""
    cells = [
        {
            "column": cell.place[0],
            "row": cell.place[1],
            "page": cell.place[2],
            "without_lora": cell.without,
            "drawn": cell.shot is not None,
            **(_words(cell) if cell.shot else dict(cell.words)),
        }
        for cell in plot.cells
    ]
    axes = dict(
        zip(
            "xyz",
            (
                {"name": name, "labels": [head.label for head in heads]}
                for name, heads in zip(names(plot), plot.heads, strict=True)
            ),
            strict=True,
        )
    )
    return {"files": [str(path) for path in paths], "axes": axes, "cells": cells, **count}


def _words(cell: Cell) -> dict[str, Any]:
    """Everything that a picture is of."""
    shot = cell.shot
    assert shot is not None
    drawn = {name: getattr(shot, name) for name in ("prompt", "negative", "seed", "steps", "cfg", "sampler")}
    return {**cell.words, **drawn, "size": list(shot.size), "epoch": shot.epoch, "weight": shot.weight}


def said(cell: Cell) -> str:
    """``zorbl, grass · epoch 3 · weight 0.5``: a cell in one line."""
    words = {name: value for name, value in cell.words.items() if name != "prompt"}
    rest = [label(name, value) for name, value in words.items()]
    return " · ".join([cell.words["prompt"] or "(empty prompt)", *(["without LoRA"] if cell.without else []), *rest])


def fixed(plot: Plot) -> list[tuple[str, str]]:
    """What is alike in all of the grid: the words of it, and of its pictures those that don't differ."""
    found = [(name, str(value) or "(empty)") for name, value in plot.fixed.items()]
    shots = [cell.shot for cell in plot.cells if cell.shot]
    for name in ("seed", "steps", "cfg", "sampler", "negative"):
        values = {getattr(shot, name) for shot in shots}
        if name not in plot.fixed and len(values) == 1 and (value := values.pop()) != "":
            found.append((name, f"{value:g}" if isinstance(value, float) else str(value)))
    return [(name, f"{float(value):g}" if name == "weight" else value) for name, value in found]


def _picture(view: View, plot: Plot, pictures: Sequence[bytes | None], path: Path) -> bytes:
    from lorabuild.evaluate.xyz import Labels, xyz

    x, y, z = ([head.label for head in heads] for heads in plot.heads)
    bare = [frozenset(place for place, head in enumerate(heads) if head.without) for heads in plot.heads]
    title = " · ".join([view.project.name, *(f"{name} {value}" for name, value in fixed(plot))])
    labels = Labels(title, x, y, z, (bare[0], bare[1], bare[2]))
    lines = [list(pictures[start : start + len(x)]) for start in range(0, len(pictures), len(x))]
    pages = [lines[start : start + len(y)] for start in range(0, len(lines), len(y))]
    try:
        return xyz(labels, pages, "PNG" if path.suffix == ".png" else "WEBP")
    except ValueError as error:
        hint = f"draw fewer values, or only a page: -o grid{PAGE}"
        raise ProjectError(str(error), where=path.name, next_step=hint) from None


def _page(view: View, plot: Plot, pictures: Sequence[bytes | None]) -> bytes:
    from lorabuild.publish.xyz import Page, Shown, render

    x, y, z = ([head.label for head in heads] for heads in plot.heads)
    shown = _shown(pictures)
    plain = [(number, cell) for number, cell in enumerate(plot.cells) if cell.shot and not cell.shot.lora]
    bare = {_bare(cell): number for number, cell in reversed(plain)}
    cells = [
        Shown(said(cell), cell.without, picture, None if not cell.shot or not cell.shot.lora else bare.get(_bare(cell)))
        for cell, picture in zip(plot.cells, shown, strict=True)
    ]
    without = frozenset(place for place, head in enumerate(plot.heads[0]) if head.without)
    return render(Page(view.project.name, names(plot), fixed(plot), x, y, z, without, cells))


def _bare(cell: Cell) -> tuple[Any, ...]:
    """What a picture would be without the LoRA."""
    assert cell.shot is not None
    return (*astuple(cell.shot)[:7], cell.words.get("base", ""))


def _shown(pictures: Sequence[bytes | None]) -> list[Picture | None]:
    """The pictures as a page shows them: the more there are, the smaller, so that it stays light."""
    from lorabuild.evaluate.xyz import shown
    from lorabuild.publish.page import Picture

    count = len({*pictures})
    side = 768 if count <= 64 else 512 if count <= 256 else 320
    made = {
        data: Picture(small.data, small.media, small.width, small.height)
        for data in {*pictures}
        if data is not None
        for small in [shown(data, side)]
    }
    return [None if data is None else made[data] for data in pictures]
