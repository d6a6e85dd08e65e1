"""A grid as one HTML page that needs nothing beside it: hover compares, Enter enlarges, arrows walk through it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.publish.page import Picture

HERE = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "xyz.html.j2", "xyz.css", "xyz.js"


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell: what is said of it, its picture (None: there is none), and the number of its like without the LoRA."""

    said: str
    without: bool
    picture: Picture | None
    bare: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page shows. ``cells`` are in order: every column of every row of every page of the grid.

    Attributes:
        title: the project.
        axes: what changes along the columns, rows and pages; empty where nothing does.
        told: (word, value) of what is alike in all of it.
        columns, rows, pages: labels.
        bare: columns without the LoRA.
        cells: what stands in it.
    """

    title: str
    axes: Sequence[str]
    told: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[str]
    pages: Sequence[str]
    bare: frozenset[int]
    cells: Sequence[Shown]

    def cell(self, page: int, row: int, column: int) -> tuple[int, Shown]:
        """A cell and its number."""
        number = (page * len(self.rows) + row) * len(self.columns) + column
        return number, self.cells[number]

    @property
    def gutter(self) -> int:
        """Letters of the longest row label."""
        return max(map(len, self.rows))

    @property
    def natural(self) -> int:
        """Width in pixels at which its pictures are best seen: tiny ones enlarged."""
        widest = max(cell.picture.width for cell in self.cells if cell.picture)
        return widest if widest >= 160 else widest * -(-160 // widest)


def render(page: Page) -> bytes:
    """The page as UTF-8 HTML. Every text in it is escaped; no script but its own runs in it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (HERE / SCRIPT).read_text("utf-8")
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.get_template(TEMPLATE).render(
        page=page, style=(HERE / STYLE).read_text("utf-8"), script=script, mark=mark
    )
    return text.encode("utf-8", "backslashreplace")
