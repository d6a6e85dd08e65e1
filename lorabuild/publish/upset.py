"""An UpSet picture: which triggers stand together in how many images, as places in an SVG of fixed size.

A column is one combination: dots in the rows of its triggers, and above them a bar as high as its number of images
(Lex et al., "UpSet: Visualization of Intersecting Sets", 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.balance.asking import asked
from lorabuild.balance.verdict import answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.balance.algebra import Answer, Finding
    from lorabuild.schema.project import Project

BARS, COLUMN, ROW, LETTER = 130, 46, 32, 8.6  # pixels: the highest bar, a column, a row, a letter of a name
TOP, GAP, NAMES = 26, 18, 74  # above the bars, between bars and rows, beside the names
MOST = 24  # columns; what is left is counted
LETTERS = 20  # of a name; a longer one is cut in its middle


@dataclass(frozen=True, slots=True)
class Row:
    """A trigger: its name, its number of images, and the middle of its row."""

    name: str
    images: int
    y: float

    @property
    def label(self) -> str:
        """The name as far as there is room for it."""
        half = LETTERS // 2
        return self.name if len(self.name) <= LETTERS else f"{self.name[: half - 1]}…{self.name[-half:]}"


@dataclass(frozen=True, slots=True)
class Column:
    """A combination: what it says in words, its number of images, its middle, its bar, and the rows of its dots."""

    words: str
    images: int
    x: float
    top: float
    height: float
    dots: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Upset:
    """The picture; ``left`` is where the columns begin, ``floor`` where the bars stand, ``more`` what isn't drawn."""

    width: float
    height: float
    left: float
    floor: float
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    more: int = 0

    @property
    def summary(self) -> str:
        """The picture in words."""
        told = "; ".join(f"{column.images} show {column.words}" for column in self.columns)
        more = f"; and {self.more} more combinations" if self.more else ""
        return f"Images by the triggers that they show: {told}{more}."


class Learning(NamedTuple):
    """What the triggers have learned, and the picture of it."""

    answer: Answer
    picture: Upset | None


def learning(
    project: Project,
    reads: Mapping[str, Any],
    absorbs: Mapping[str, tuple[str, ...]],
    words: Sequence[Finding] = (),
) -> Learning | None:
    """From what the report stage reads, trigger → the patterns that it absorbs, and what was found about the words.

    None without triggers.
    """
    if not project.triggers:
        return None
    images = [image for image in reads["images"] if not image.get("again")]
    found = answer(asked(project, images, reads["balance"]["triggers"], absorbs), words)
    return Learning(found, upset(found))


def upset(found: Answer) -> Upset | None:
    """The picture of an answer; None where there is no image."""
    if not found.together:
        return None
    floor = TOP + BARS
    rows = tuple(
        Row(verdict.word.name, verdict.images, floor + GAP + ROW * (place + 0.5))
        for place, verdict in enumerate(found.triggers)
    )
    left = NAMES + LETTER * max(len(row.label) for row in rows)
    shown = found.together[:MOST]
    columns = tuple(
        _column(names, images, left + COLUMN * place, rows, shown) for place, (names, images) in enumerate(shown)
    )
    return Upset(
        width=left + COLUMN * len(shown) + GAP,
        height=floor + GAP + ROW * len(rows) + GAP / 2,
        left=left,
        floor=floor,
        rows=rows,
        columns=columns,
        more=len(found.together) - len(shown),
    )


def _column(
    names: Sequence[str], images: int, x: float, rows: Sequence[Row], shown: Sequence[tuple[Sequence[str], int]]
) -> Column:
    height = max(2.0, round(BARS * images / shown[0][1], 1))
    dots = tuple(row.y for row in rows if row.name in names)
    words = " and ".join(names) + (" alone" if len(names) == 1 else "") if names else "no trigger"
    return Column(words, images, x + COLUMN / 2, TOP + BARS - height, height, dots)
