"""What ``lorabuild pick`` found, as the page shows it: a row an epoch, and which one it recommends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]
    Words = Mapping[str, tuple[str, str]]

COLUMNS = {
    "score": ("Score", "{:.3f}"),
    "validation": ("Validation loss", "{:.4f}"),
    "training": ("Training loss", "{:.4f}"),
    "likeness": ("Likeness", "{:.0%}"),
    "leak": ("Without trigger", "{:.0%}"),
    "usable": ("Usable weights", "{:g}"),
}
"""Words of a row, what a person calls them, and how they are written; a column that no row knows isn't shown."""
WORN = {"likeness": ("Likeness", "{:.0%}"), "harshness": ("Harshness", "{:.2f}")}
"""The same of a weight of the recommended epoch."""
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A recommendation.

    Attributes:
        epoch, weight: what is recommended.
        verdict: ``good``, ``undertrained`` or ``overtrained``.
        why: a sentence each.
        columns: headings of the table.
        rows: (epoch, cells) in order.
        source: on what the validation loss was taken; ``eye``: what saw the pictures.
        measures, weights: headings, and (weight, cells, whether its pictures are fried), of the recommended epoch.
    """

    epoch: int
    weight: float
    verdict: str
    why: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    source: str = ""
    eye: str = ""
    measures: tuple[str, ...] = ()
    weights: tuple[tuple[float, tuple[str, ...], bool], ...] = ()


def choice(picked: Mapping[str, Any] | None) -> Choice | None:
    """From what the pick says of itself (its ``as_dict``); None where nothing was picked."""
    if picked is None:
        return None
    rows = sorted(picked["rows"], key=lambda row: int(row["epoch"]))
    why, worn = picked.get("why", ()), picked.get("worn", ())
    return Choice(
        epoch=picked["epoch"],
        weight=picked.get("weight") or 1.0,
        verdict=picked.get("verdict", ""),
        why=(why,) if isinstance(why, str) else tuple(why),
        columns=_heads(rows, COLUMNS),
        rows=tuple((row["epoch"], _cells(row, rows, COLUMNS)) for row in rows),
        source=picked.get("source", ""),
        eye=picked.get("eye", ""),
        measures=_heads(worn, WORN),
        weights=tuple((one["weight"], _cells(one, worn, WORN), bool(one.get("fried"))) for one in worn),
    )


def _known(rows: Rows, words: Words) -> list[str]:
    return [word for word in words if any(row.get(word) is not None for row in rows)]


def _heads(rows: Rows, words: Words) -> tuple[str, ...]:
    return tuple(words[word][0] for word in _known(rows, words))


def _cells(row: Mapping[str, Any], rows: Rows, words: Words) -> tuple[str, ...]:
    return tuple(_cell(row.get(word), words[word][1]) for word in _known(rows, words))


def _cell(value: Any, form: str) -> str:
    """``0.512``, ``41 %``, ``0.5 to 1.25``; a dash for what isn't known."""
    if value is None:
        return "–"
    numbers = value if isinstance(value, list | tuple) else [value]
    return " to ".join(form.format(number).replace("-", MINUS).replace("%", " %") for number in numbers)
