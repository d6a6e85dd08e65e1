"""Grids that a person drew, kept so that the report can show them: as long as their files lie below the output folder.

A grid is of the checkpoints that it was drawn from: once one of its LoRAs is trained anew, it is no longer told of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import make_key
from lorabuild.core.item import Item
from lorabuild.graph.grid_folder import FILES, folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from lorabuild.core.events import Emit
    from lorabuild.graph.view import View
    from lorabuild.graph.xyz import Plot

STAGE, VERSION = "grid", 1
WORDS = ("axes", "fixed", "columns", "rows", "pages", "cells")


def keep(view: View, plot: Plot, pictures: Sequence[bytes | None], paths: Collection[Path], emit: Emit) -> bool:
    """Remember a grid whose files (``paths``) lie where the report looks for them; whether they do."""
    from lorabuild.graph.drawn import writing

    names = {path.stem for path in paths if path.parent == folder(view.site)}
    if names:
        with writing(view, emit) as store, store.writer(STAGE) as outputs:
            digests = [None if data is None else outputs.write(data) for data in pictures]
            facts = {**_described(plot, digests), "of": _trained(view, plot)}
            held = {f"{place:04}": name for place, name in enumerate(dict.fromkeys(filter(None, digests)))}
            for name in names:
                parts = {"name": name, **facts}
                outputs.done(Item(name, make_key(STAGE, VERSION, parts), parts), held, facts=facts)
    return bool(names)


def known(view: View) -> list[dict[str, Any]]:
    """The grids that the page of this view shows, by name: of what is trained now, with a file that lies there.

    ``key``; ``file`` as seen from the output folder, empty where it doesn't lie below that; and ``WORDS``: names of the
    axes, what is alike in all of it, [label, whether without the LoRA] of each column, row and page, and [words,
    digest of the picture or None] of each cell in order.
    """
    latest = view.store.latest(STAGE)
    held = view.store.results(latest.values()) if latest else {}
    lost = view.store.missing_blobs(held.values())
    here, found = view.site.path(view.project.output.folder), []
    for name, key in sorted(latest.items()):
        path = next((path for ending in FILES if (path := folder(view.site) / (name + ending)).is_file()), None)
        if path and key in held and key not in lost and _shown(view, held[key].facts["of"]):
            file = path.relative_to(here).as_posix() if path.is_relative_to(here) else ""
            found.append({"name": name, "key": key, "file": file, **{word: held[key].facts[word] for word in WORDS}})
    return found


def _described(plot: Plot, digests: Sequence[str | None]) -> dict[str, Any]:
    """``WORDS`` of a grid, as ``known`` gives them."""
    from lorabuild.graph import gridfiles

    columns, rows, pages = ([[head.label, head.without] for head in heads] for heads in plot.heads)
    cells = [[gridfiles.said(cell), digest] for cell, digest in zip(plot.cells, digests, strict=True)]
    fixed = [list(pair) for pair in gridfiles.fixed(plot)]
    return dict(zip(WORDS, (gridfiles.names(plot), fixed, columns, rows, pages, cells), strict=True))


def _trained(view: View, plot: Plot) -> dict[str, str | None]:
    """Variant → key of its training, of those that are worn in a grid."""
    worn = {cell.words.get("variant", "") for cell in plot.cells if cell.shot and cell.shot.lora}
    return {one.variant: _train_key(one) for one in view.all() if one.variant in worn}


def _shown(view: View, of: Mapping[str, str]) -> bool:
    """A grid of one variant alone stands on that variant's page, any other on the project's."""
    if view.variant:
        return of == {view.variant: _train_key(view)}
    if not of or (len(of) == 1 and "" not in of):
        return False
    return of == {one.variant: _train_key(one) for one in view.all() if one.variant in of}


def _train_key(view: View) -> str | None:
    """The key of a training; one that wasn't planned yet stays so, for what is planned too early is not looked at."""
    return replace(view, steps={**view.steps}, named={**view.named}).key("train", "train")
