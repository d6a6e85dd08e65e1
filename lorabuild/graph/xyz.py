"""A grid over any axes: which pictures it has, drawn where they are missing. It always has some without the LoRA."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.graph import axes, products
from lorabuild.graph.axes import label
from lorabuild.graph.drawn import STAGE, drawn
from lorabuild.graph.rebased import fitting
from lorabuild.graph.shots import shot_of
from lorabuild.graph.trained import tell_of_finish, trained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.events import Emit, Event
    from lorabuild.graph.axes import Axis
    from lorabuild.graph.drawing import Shot
    from lorabuild.graph.rebased import Bases
    from lorabuild.graph.view import View

WITHOUT = "without LoRA"
MOST = 1000
"""Cells of a grid: more than that is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Head:
    """A row, column or page of a grid: its label, what it sets, and whether the LoRA is off in it."""

    label: str = ""
    sets: Mapping[str, Any] = field(default_factory=dict)
    without: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A place of a grid.

    Attributes:
        place: column, row and page, from 0.
        words: axis → value of everything that the picture is of.
        without: whether it is without the LoRA.
        shot: what is drawn; None where there is no such epoch.
    """

    place: tuple[int, int, int]
    words: Mapping[str, Any]
    without: bool
    shot: Shot | None


@dataclass(frozen=True, slots=True)
class Plot:
    """A grid before it is drawn: what is alike in all of it, its columns, rows and pages, and its cells in order."""

    fixed: Mapping[str, Any]
    heads: tuple[Sequence[Head], Sequence[Head], Sequence[Head]]
    cells: Sequence[Cell]


def plotted(view: View, written: Mapping[str, Sequence[str]], fixed: Sequence[str], bases: Bases) -> Plot:
    """The grid of axes as they are written.

    Args:
        view: the project with its variants.
        written: ``x``, ``y``, ``z`` → texts of the axis; what is left out gets what suits.
        fixed: ``epoch=3``: what holds for all of it.
        bases: opens the project over another base.

    Raises:
        ProjectError: an axis or a value that there is not, or nothing is trained yet.
    """
    known = trained(view)
    ends = {one.name: one.values[0] for one in (axes.axis(view, [text]) for text in fixed)}
    chosen = _chosen(view, {name: axes.axis(view, texts) for name, texts in written.items() if texts}, ends)
    names = [one.name for one in chosen if one]
    if twice := {name for name in names if names.count(name) > 1 or name in ends}:
        raise ProjectError(f"`{twice.pop()}` is said twice", where="command line", next_step="leave one of them out")
    prompts = axes.prompts(view)
    usual = {
        "prompt": prompts[0] if prompts else "",
        "epoch": products.chosen(view) or max(known),
        "weight": view.project.samples.weight,
        **ends,
    }
    heads = _heads(chosen)
    if (count := len(heads[0]) * len(heads[1]) * len(heads[2])) > MOST:
        raise ProjectError(f"a grid of {count} pictures", where="command line", next_step=f"{MOST} is the most")
    trained_only = "epoch" in (*names, *ends)  # epochs that are said are compared as they were trained
    cells = [
        _cell(view, bases, (x, y, z), usual, [heads[0][x], heads[1][y], heads[2][z]], finished=not trained_only)
        for z, y, x in product(range(len(heads[2])), range(len(heads[1])), range(len(heads[0])))
    ]
    return Plot({name: value for name, value in usual.items() if name not in names}, heads, cells)


def pictures(view: View, plot: Plot, bases: Bases, emit: Emit) -> tuple[list[bytes | None], dict[str, int]]:
    """The cells' pictures (PNG) in order, and how many were drawn and reused; each base model is loaded once."""
    found: dict[int, bytes] = {}
    count = {"ran": 0, "reused": 0}

    def heard(event: Event) -> None:
        if event.kind == "stage_done" and event.stage == STAGE:
            count.update({word: count[word] + event.data[word] for word in count})
        emit(event)

    if not any(cell.shot and cell.shot.finished for cell in plot.cells):
        tell_of_finish(view, emit)
    groups: dict[tuple[str, str], list[int]] = {}
    for number, cell in enumerate(plot.cells):
        if cell.shot:
            groups.setdefault((cell.words.get("base", ""), cell.words.get("variant", "")), []).append(number)
    for (base, variant), numbers in groups.items():
        shots = [shot for number in numbers if (shot := plot.cells[number].shot)]
        with fitting(base):
            found |= dict(zip(numbers, drawn(bases.view(view, base, variant), shots, heard), strict=True))
    return [found.get(number) for number in range(len(plot.cells))], count


def _chosen(view: View, said: Mapping[str, Axis], ends: Mapping[str, Any]) -> list[Axis | None]:
    """x, y and z. Columns that aren't said are epochs, and rows weights (of a slider before them); then prompts."""
    found = [said.get(place) for place in "xyz"]
    taken = {one.name for one in found if one} | {*ends}
    order = [
        name for name in (("weight", "epoch") if view.project.slider else ("epoch", "weight")) if name not in taken
    ]
    wanted = [] if found[0] else order[: found[:2].count(None)]
    if "prompt" not in taken and len(axes.prompts(view)) > 1:
        wanted.append("prompt")
    for name in wanted:
        if None in found:
            found[found.index(None)] = axes.axis(view, [name])
    return found


def _heads(chosen: Sequence[Axis | None]) -> tuple[Sequence[Head], Sequence[Head], Sequence[Head]]:
    """The first axis that is of the LoRA begins without it; where none is, every column stands beside one without."""
    carrier = next((one for one in chosen if one and one.name in axes.WORN), None)
    found = [_along(one, carries=one is not None and one is carrier) for one in chosen]
    if carrier is None:
        found[0] = [both for head in found[0] for both in (_bare(head), replace(head, label=head.label or "with LoRA"))]
    x, y, z = found
    return x, y, z


def _along(axis: Axis | None, *, carries: bool) -> list[Head]:
    if axis is None:
        return [Head()]
    values = [value for value in axis.values if not (carries and axis.name == "weight" and value == 0)]
    heads = [Head(label(axis.name, value), {axis.name: value}) for value in values]
    return [Head(WITHOUT, without=True), *heads] if carries else heads


def _bare(head: Head) -> Head:
    return replace(head, label=f"{head.label}, {WITHOUT}" if head.label else WITHOUT, without=True)


def _cell(
    view: View,
    bases: Bases,
    place: tuple[int, int, int],
    usual: Mapping[str, Any],
    heads: list[Head],
    *,
    finished: bool,
) -> Cell:
    words = {**usual, **{name: value for head in heads for name, value in head.sets.items()}}
    without = any(head.without for head in heads) or words["weight"] == 0
    if without:
        words = {name: value for name, value in words.items() if name not in ("epoch", "weight", "blocks")}
    of = bases.view(view, "", words.get("variant", ""))
    done = {"finished": words["epoch"]} if finished and of.project.finish and not without else {}
    return Cell(place, words, without, shot_of(of, words | done))
