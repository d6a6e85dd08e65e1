"""The table of a WD14-family model: ``selected_tags.csv`` names the columns of its output."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.taggers.tagger import Category

CATEGORIES: dict[str, Category] = {"9": "rating", "0": "general", "4": "character"}


def read(path: Path) -> list[tuple[str, Category]]:
    """(tag, category) for each row. Raises ProjectError when the file is not such a table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
        return [(row["name"], CATEGORIES.get(row["category"].strip(), "other")) for row in rows]
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise ProjectError(
            "the tagger's table has no readable columns `name` and `category`",
            where=str(path),
            next_step="get selected_tags.csv again from where the model comes from",
        ) from error
