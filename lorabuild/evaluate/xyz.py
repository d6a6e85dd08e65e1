"""A grid of pages, rows and columns as one labelled picture, PNG or WebP, whatever its size.

Labels grow with the picture, so that they can be read when all of it is seen at once; cells shrink where the picture
would become larger than WebP can be, or than viewers open.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFont

from lorabuild.evaluate import picture
from lorabuild.evaluate.grid import BAND, FAINT, INK, LEAST, MOST, PAPER, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    Rows = Sequence[Sequence[Image.Image | None]]

LONGEST, PIXELS = 16383, 80_000_000
"""The longest side of a WebP (RFC 9649), and as many pixels as every viewer opens."""

SMALLEST = 48
"""Pixels: a cell with a shorter long side shows nothing any more."""

BARE = "#efece5"
"""Behind what is without the LoRA."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is written on a grid: above all of it, and at its columns, rows and pages.

    ``bare`` are the places without the LoRA: of columns, rows and pages. An empty label takes no room.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[str]
    pages: Sequence[str]
    bare: tuple[frozenset[int], frozenset[int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The measures of a grid in pixels, and its labels in lines."""

    cell: tuple[int, int]
    gap: int
    font: ImageFont.FreeTypeFont
    gutter: int
    columns: int
    head: list[list[str]]
    side: list[list[str]]

    @property
    def line(self) -> int:
        return round(self.font.size * 1.35)

    @property
    def width(self) -> int:
        return self.gutter + self.columns * (self.cell[0] + self.gap) + self.gap

    @property
    def top(self) -> int:
        """Height of the columns' labels."""
        return max(map(len, self.head)) * self.line + self.gap if any(map(any, self.head)) else 0

    def row(self, number: int) -> int:
        """Height of a row with the gap below it."""
        return max(self.cell[1], len(self.side[number]) * self.line) + self.gap

    def left(self, column: int) -> int:
        """Left edge of a column."""
        return self.gutter + self.gap + column * (self.cell[0] + self.gap)


def xyz(labels: Labels, cells: Sequence[Sequence[Sequence[bytes | None]]], kind: Literal["PNG", "WEBP"]) -> bytes:
    """The picture of ``cells[page][row][column]`` (PNG bytes each; None: there is none).

    The same pictures and labels give the same bytes. Raises ``ValueError`` where cells would become too small to see.
    """
    distinct = {data for page in cells for row in page for data in row if data is not None}
    opened = {data: picture.enlarge(picture.decode(data), LEAST) for data in distinct}
    most = min(MOST, max(max(image.size) for image in opened.values()))
    while True:
        fitting = {data: picture.shrink(image, most) for data, image in opened.items()}
        placed = [[[None if data is None else fitting[data] for data in row] for row in page] for page in cells]
        sheet, bands, height = _measured(labels, placed)
        if max(sheet.width, height) <= LONGEST and sheet.width * height <= PIXELS:
            return _encoded(_drawn(sheet, labels, bands, placed, height), kind, tiny=most < MOST)
        most = most * 9 // 10
        if most < SMALLEST:
            msg = "this grid is too large for one picture"
            raise ValueError(msg)


def _measured(labels: Labels, cells: Sequence[Rows]) -> tuple[_Sheet, list[list[str]], int]:
    """The sheet, the lines of the title and of the pages' names, and the height of it all."""
    sizes = [cell.size for page in cells for row in page for cell in row if cell is not None]
    cell = (max(width for width, _ in sizes), max(height for _, height in sizes))
    columns = len(labels.columns)
    size = max(12, min(max(15, columns * cell[0] // 75), cell[0] // 7))
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "every Pillow wheel has FreeType"
    gap = max(4, cell[0] // 32)
    gutter = _gutter(labels.rows, font, cell) + 3 * gap if any(labels.rows) else 0
    head = [wrap(name, font, cell[0]) for name in labels.columns]
    side = [wrap(name, font, max(gutter - 3 * gap, 1)) for name in labels.rows]
    sheet = _Sheet(cell, gap, font, gutter, columns, head, side)
    bands = [wrap(text, font, sheet.width - 2 * gap) if text else [] for text in (labels.title, *labels.pages)]
    page = sheet.top + sum(sheet.row(row) for row in range(len(labels.rows)))
    return sheet, bands, sum(_band(sheet, lines) for lines in bands) + len(cells) * (page + gap)


def _gutter(rows: Sequence[str], font: ImageFont.FreeTypeFont, cell: tuple[int, int]) -> int:
    """Width of the rows' labels: as narrow as a cell, unless one would then be higher than its pictures."""
    longest = max(round(font.getlength(row)) + 1 for row in rows)
    width = min(longest, max(cell[0], round(8 * font.size)))
    while (
        width < min(longest, 3 * cell[0])
        and max(len(wrap(row, font, width)) for row in rows) * font.size * 1.35 > cell[1]
    ):
        width = min(width * 5 // 4, longest)
    return width


def _band(sheet: _Sheet, lines: list[str]) -> int:
    return len(lines) * sheet.line + 2 * sheet.gap if lines else 0


def _drawn(sheet: _Sheet, labels: Labels, bands: list[list[str]], cells: Sequence[Rows], height: int) -> Image.Image:
    paper = Image.new("RGB", (sheet.width, height), PAPER)
    pen = ImageDraw.Draw(paper)
    _text(pen, sheet, bands[0], (sheet.gap, sheet.gap))
    y = _band(sheet, bands[0])
    for lines, page in zip(bands[1:], cells, strict=True):
        pen.rectangle((0, y, paper.width, y + _band(sheet, lines) - 1), fill=BAND) if lines else None
        _text(pen, sheet, lines, (sheet.gap, y + sheet.gap))
        y = _page(paper, pen, sheet, labels, page, y + _band(sheet, lines)) + sheet.gap
    return paper


def _page(
    paper: Image.Image,
    pen: ImageDraw.ImageDraw,
    sheet: _Sheet,
    labels: Labels,
    page: Rows,
    y: int,
) -> int:
    """Draw a page from ``y`` down; returns where it ends."""
    below = y + sheet.top + sum(sheet.row(row) for row in range(len(page)))
    for column in labels.bare[0]:
        left = sheet.left(column) - sheet.gap // 2
        pen.rectangle((left, y, left + sheet.cell[0] + sheet.gap, below), fill=BARE)
    for column, lines in enumerate(sheet.head):
        middle = sheet.left(column) + sheet.cell[0] // 2
        start = y + sheet.top - sheet.gap // 2 - len(lines) * sheet.line
        _text(pen, sheet, lines, (middle, start), anchor="ma")
    y += sheet.top
    for row, cells in enumerate(page):
        if row in labels.bare[1]:
            pen.rectangle((0, y - sheet.gap // 2, paper.width, y + sheet.row(row) - sheet.gap // 2), fill=BARE)
        middle = y + (sheet.row(row) - sheet.gap - len(sheet.side[row]) * sheet.line) // 2
        _text(pen, sheet, sheet.side[row], (sheet.gap, middle))
        for column, cell in enumerate(cells):
            _put(paper, pen, sheet, cell, (sheet.left(column), y))
        y += sheet.row(row)
    return y


def _put(
    paper: Image.Image, pen: ImageDraw.ImageDraw, sheet: _Sheet, cell: Image.Image | None, at: tuple[int, int]
) -> None:
    if cell is None:
        pen.text((at[0] + sheet.cell[0] // 2, at[1] + sheet.cell[1] // 2), "none", FAINT, sheet.font, "mm")
    else:
        paper.paste(cell, (at[0] + (sheet.cell[0] - cell.width) // 2, at[1] + (sheet.cell[1] - cell.height) // 2))


def _text(
    pen: ImageDraw.ImageDraw, sheet: _Sheet, lines: Sequence[str], at: tuple[int, int], *, anchor: str = "la"
) -> None:
    for number, line in enumerate(lines):
        pen.text((at[0], at[1] + number * sheet.line), line, INK, sheet.font, anchor)


def _encoded(image: Image.Image, kind: str, *, tiny: bool) -> bytes:
    """Small pictures are kept exactly."""
    buffer = io.BytesIO()
    if kind == "PNG":
        image.save(buffer, "PNG", compress_level=6)
    else:
        image.save(buffer, "WEBP", lossless=tiny, quality=75 if tiny else 90, method=4)
    return buffer.getvalue()


def shown(data: bytes, side: int) -> picture.Thumbnail:
    """A picture (PNG bytes) as a page shows it, WebP of at most ``side`` px; a tiny one is kept exactly."""
    image = picture.shrink(picture.decode(data), side)
    return picture.Thumbnail(_encoded(image, "WEBP", tiny=max(image.size) < LEAST), "image/webp", *image.size)
