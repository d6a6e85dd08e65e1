"""The grids that a person drew, as the report shows them: tables of pictures, with the words of their axes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lorabuild.publish.page import Picture

    Entries = Sequence[Mapping[str, Any]]

MOST_CELLS = 360
"""Pictures of all grids together: what comes after them is told of and not shown."""
SIDES = ((80, 192), (180, 128), (MOST_CELLS, 96))
"""Up to so many pictures, the longest side of each in pixels."""
ROOMY, TIGHT = 4, 7


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at a column or row, and whether the LoRA is off in it."""

    label: str
    bare: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture and all that it is of; None where a grid has none."""

    said: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a grid: its name (empty where there is one only) and its rows."""

    name: str
    rows: tuple[tuple[Head, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid.

    Attributes:
        axes: what changes in it.
        told: (word, value) of what is alike in all of it.
        columns: of each of its parts.
        parts: empty where it is too large for the page.
        cells: how many it has.
        file: its own page or picture, as a link from where the report lies; may be empty.
    """

    axes: tuple[str, ...]
    told: tuple[tuple[str, str], ...]
    columns: tuple[Head, ...]
    parts: tuple[Part, ...]
    cells: int
    file: str = ""

    @property
    def room(self) -> str:
        """How large its pictures are drawn: ``roomy``, ``usual`` or ``tight``."""
        return "roomy" if len(self.columns) <= ROOMY else "usual" if len(self.columns) <= TIGHT else "tight"


def fitting(entries: Entries) -> tuple[set[str], int]:
    """The digests of the pictures that the page has room for, and the longest side of each in pixels."""
    found, count = set[str](), 0
    for entry in entries:
        if count + len(entry["cells"]) <= MOST_CELLS:
            count += len(entry["cells"])
            found |= {digest for _, digest in entry["cells"] if digest}
    return found, next(side for most, side in SIDES if count <= most)


def grids(entries: Entries, drawn: Mapping[str, Picture]) -> tuple[Grid, ...]:
    """From what the report stage reads; ``drawn``: picture by digest, of the grids that are shown."""
    return tuple(
        Grid(
            tuple(filter(None, entry["axes"])),
            tuple((word, value) for word, value in entry["fixed"]),
            tuple(_heads(entry["columns"])),
            tuple(_parts(entry, drawn)) if all(name in drawn for _, name in entry["cells"] if name) else (),
            len(entry["cells"]),
            entry["file"],
        )
        for entry in entries
    )


def _heads(entries: Sequence[Any]) -> Iterable[Head]:
    return (Head(label, bare) for label, bare in entries)


def _parts(entry: Mapping[str, Any], drawn: Mapping[str, Picture]) -> Iterable[Part]:
    """Every column of every row of every page, in order."""
    cells = iter(Cell(said, drawn[name] if name else None) for said, name in entry["cells"])
    for name, _ in entry["pages"]:
        yield Part(name, tuple((row, tuple(islice(cells, len(entry["columns"])))) for row in _heads(entry["rows"])))
