"""Tables in JSON: ``tag_mapping.json`` of cl_tagger, ``metadata.json`` of Camie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from lorabuild.taggers.tagger import Category

CATEGORIES: dict[str, Category] = {"general": "general", "character": "character", "rating": "rating"}
_NOBODY: tuple[str, Category] = ("", "other")
_MOST = 1 << 20  # columns; a larger number is no column


class Mapping(NamedTuple):
    """What a table says.

    Attributes:
        rows: (tag, category) of each column of the answer; an empty tag where the table names none.
        described: whether the table lies in a description of the model, as that of Camie's second version.
    """

    rows: list[tuple[str, Category]]
    described: bool


def read(path: Path) -> Mapping:
    """Read a table of one of three forms. Raises ProjectError for another.

    ``{"0": {"tag": …, "category": …}}``, ``{"idx_to_tag": {"0": …}, "tag_to_category": {…}}``, or the second one within
    ``{"dataset_info": {"tag_mapping": …}}``.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
        inner = content["dataset_info"]["tag_mapping"] if "dataset_info" in content else content
        named = dict(_named(inner))
        rows = [named.get(column, _NOBODY) for column in range(_width(named))]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ProjectError(
            "the tagger's table names no tags and categories",
            where=str(path),
            next_step=f"get {path.name} again from where the model comes from",
        ) from error
    return Mapping(rows, inner is not content)


def _width(columns: Collection[int]) -> int:
    """How many columns a table speaks of. Raises ValueError for none, and for numbers that can't be columns."""
    if not 0 <= min(columns) <= max(columns) < _MOST:
        raise ValueError(max(columns))
    return max(columns) + 1


def _named(table: dict[str, Any]) -> list[tuple[int, tuple[str, Category]]]:
    """Column → tag and category."""
    if "idx_to_tag" in table:
        kinds = table["tag_to_category"]
        pairs = {column: (tag, kinds.get(tag, "general")) for column, tag in table["idx_to_tag"].items()}
    else:
        pairs = {column: (row["tag"], row["category"]) for column, row in table.items()}
    return [(int(column), (str(tag), CATEGORIES.get(kind.lower(), "other"))) for column, (tag, kind) in pairs.items()]
