"""docs/training.md explains every word of training with its true default."""

import re
from pathlib import Path

import pytest

from lorabuild.schema.project import Project
from lorabuild.schema.section import Section
from lorabuild.schema.words import words

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text("utf-8")
SECTIONS = ("base", "network", "training", "slider", "regularization")
ALSO = ("images.masks", "images.flip", "images.cache", "images.color_augment", "images.random_crop")


def rows():
    """Dotted word → default cell, of every table whose first head names a section, or whose words are whole."""
    found, section = {}, ""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) < 3:
            continue
        if cells[1] == "default":
            section = cells[0].strip("`:") + "." if cells[0] != "word" else ""
        elif cells[0].startswith("`") and section is not None:
            found.setdefault(section + cells[0].strip("`"), cells[1])
        if not cells[0].startswith("`") and not cells[0].startswith("-") and cells[1] != "default":
            section = "types."
    return found


def explained():
    """Dotted word → its defaults by variant."""
    found = {}
    for word in words(Project):
        dotted = word.dotted.replace(".<number>", "")
        if dotted.split(".")[0] in SECTIONS or dotted in ALSO:
            found.setdefault(dotted, {})[word.variant] = word.field
    return {name: fields for name, fields in found.items() if "." in name and not _is_frame(fields)}


def _is_frame(fields):
    """A section that always stands there: its words are explained, it isn't."""
    return all(not field.is_required() and isinstance(field.get_default(), Section) for field in fields.values())


def said(field):
    if field.is_required():
        return "required"
    value = field.get_default()
    if value is None or value in ((), "", {}):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(f"{one:g}" if isinstance(one, int | float) else str(one) for one in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)


ROWS, WORDS = rows(), explained()


def test_every_word_has_its_row_and_no_row_is_too_many():
    assert set(ROWS) - {name for name in ROWS if name.startswith("types.")} == set(WORDS)


@pytest.mark.parametrize("name", sorted(name for name in WORDS if not name.endswith(".type")))
def test_the_default_is_the_true_one(name):
    cell, defaults = ROWS[name], {variant: said(field) for variant, field in WORDS[name].items()}
    general, *special = cell.split("; ")
    own = {}
    for part in special:
        kinds, _, value = part.partition(" ") if ", " not in part else _several(part)
        own |= dict.fromkeys(kinds.split(", "), value)
    for variant, default in defaults.items():
        assert own.get(variant, general) == default, variant


def _several(part):
    """``prodigy, lion 0.9, 0.99`` → kinds and value."""
    kinds = re.match(r"(?:[a-z_0-9]*[a-z_][a-z_0-9]*(?:, | ))+", part).group()
    return kinds.strip(), "", part[len(kinds) :]
