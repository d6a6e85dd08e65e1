"""One labelled picture of many: a band with the prompt above each row, a label above each column.

Labels are drawn with the font inside Pillow (Latin letters), so that every machine draws the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from lorabuild.evaluate import picture

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST, MOST = 160, 512
"""Pixels: cells are enlarged to at least, reduced to at most this long side, so that labels can be read."""

PAPER, BAND, INK, FAINT = "#f7f6f3", "#e6e3dc", "#1c1b19", "#6d6a63"


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and its pictures, one for each column (``None`` where there is none)."""

    prompt: str
    cells: tuple[Image.Image | None, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The measures of a grid in pixels."""

    cell: tuple[int, int]
    columns: int
    gap: int
    font: ImageFont.FreeTypeFont

    @property
    def width(self) -> int:
        """Pixels from edge to edge."""
        return self.columns * (self.cell[0] + self.gap) + self.gap

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return round(self.font.size * 1.35)

    def left(self, column: int) -> int:
        """Left edge of a column."""
        return self.gap + column * (self.cell[0] + self.gap)


def grid(prompts: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[bytes | None]]) -> bytes:
    """PNG bytes of ``cells[row][column]`` (PNG bytes each), labelled with prompts and column names.

    The same pictures and labels give the same bytes. Raises ``ValueError`` when there is no picture at all.
    """
    rows = [Row(prompt, tuple(_cell(data) for data in line)) for prompt, line in zip(prompts, cells, strict=True)]
    sizes = [cell.size for row in rows for cell in row.cells if cell is not None]
    if not sizes:
        msg = "a grid needs at least one picture"
        raise ValueError(msg)
    sheet = _sheet(sizes, len(columns))
    return picture.encode(_draw(sheet, rows, columns))


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines of at most ``width`` px, broken at spaces, and inside a word only where it is wider than a line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        pieces = _pieces(word, font, width)
        lines[-1:] = ([lines[-1]] if lines[-1] else []) + pieces
    return lines


def _pieces(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _cell(data: bytes | None) -> Image.Image | None:
    if data is None:
        return None
    return picture.shrink(picture.enlarge(picture.decode(data), LEAST), MOST)


def _sheet(sizes: Sequence[tuple[int, int]], columns: int) -> Sheet:
    cell = (max(width for width, _ in sizes), max(height for _, height in sizes))
    size = max(15, min(columns * cell[0] // 80, cell[0] // 8))
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # pragma: no cover - every Pillow wheel has FreeType
        msg = "this Pillow was built without FreeType, which labels need"
        raise TypeError(msg)
    return Sheet(cell, columns, max(6, cell[0] // 32), font)


def _draw(sheet: Sheet, rows: Sequence[Row], columns: Sequence[str]) -> Image.Image:
    heads = [wrap(name, sheet.font, sheet.cell[0]) for name in columns]
    bands = [wrap(row.prompt or "(empty prompt)", sheet.font, sheet.width - 2 * sheet.gap) for row in rows]
    top = max(len(lines) for lines in heads) * sheet.line + 2 * sheet.gap
    height = top + sum(len(band) * sheet.line + sheet.cell[1] + 3 * sheet.gap for band in bands)
    page = Image.new("RGB", (sheet.width, height), PAPER)
    pen = ImageDraw.Draw(page)
    for column, lines in enumerate(heads):
        _text(pen, sheet, lines, (sheet.left(column) + sheet.cell[0] // 2, sheet.gap), anchor="ma")
    y = top
    for row, band in zip(rows, bands, strict=True):
        y = _row(page, pen, sheet, row, band, y)
    return page


def _row(page: Image.Image, pen: ImageDraw.ImageDraw, sheet: Sheet, row: Row, band: list[str], y: int) -> int:
    """Draw a band and its pictures from ``y`` down; returns where the next row begins."""
    below = y + len(band) * sheet.line + sheet.gap
    pen.rectangle((0, y, page.width, below), fill=BAND)
    _text(pen, sheet, band, (sheet.gap, y + sheet.gap // 2), anchor="la")
    below += sheet.gap
    for column, cell in enumerate(row.cells):
        if cell is None:
            middle = (sheet.left(column) + sheet.cell[0] // 2, below + sheet.cell[1] // 2)
            pen.text(middle, "none", font=sheet.font, fill=FAINT, anchor="mm")
        else:
            page.paste(cell, (sheet.left(column) + (sheet.cell[0] - cell.width) // 2, below))
    return below + sheet.cell[1] + sheet.gap


def _text(pen: ImageDraw.ImageDraw, sheet: Sheet, lines: Sequence[str], place: tuple[int, int], *, anchor: str) -> None:
    for number, line in enumerate(lines):
        pen.text((place[0], place[1] + number * sheet.line), line, font=sheet.font, fill=INK, anchor=anchor)
