"""What goes without saying: a tag that another one implies is left out beside it (``sword`` beside ``katana``)."""

from __future__ import annotations

import csv
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from lorabuild.captions.tags import spelling_key
from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lorabuild.captions.tags import Tag

WHERE = "captions.implications"
_NAMES = (("antecedent_name", "consequent_name"), ("antecedent", "consequent"), ("tag", "implies"))


def unsaid(tags: Sequence[Tag], implied: Callable[[str], frozenset[str]]) -> tuple[list[Tag], list[str]]:
    """Tags that no other implies, and the rest. Of tags that imply one another the first in the alphabet stays."""
    keys = {tag.key for tag in tags}
    over = {other for key in keys for other in implied(key) & keys if key not in implied(other) or key < other}
    return [tag for tag in tags if tag.key not in over], [tag.text for tag in tags if tag.key in over]


def implications(table: Mapping[str, Iterable[str]]) -> Callable[[str], frozenset[str]]:
    """A question for a tag's key: the keys of all that it implies, and of what they imply in turn, without itself."""
    steps = {spelling_key(tag): [spelling_key(text) for text in texts] for tag, texts in table.items()}

    @cache
    def implied(key: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(steps.get(key, ()))
        while waiting:
            other = waiting.pop()
            if other not in found:
                found.add(other)
                waiting += steps.get(other, ())
        return frozenset(found - {key})

    return implied


def read(data: bytes, name: str) -> dict[str, tuple[str, ...]]:
    """A person's table from the bytes of a CSV, JSON or YAML file, told by its name. Raises ``ProjectError``.

    A CSV has a tag and a tag that it implies in its first columns, or in those that a first line names as danbooru does
    (``antecedent_name``, ``consequent_name``); a row whose ``status`` isn't ``active`` says nothing. JSON and YAML are
    a map of tag → tag or tags.
    """
    try:
        text = data.decode("utf-8-sig")
        rows = _rows(text) if name.lower().endswith(".csv") else _entries(text, name)
        pairs = [(spelling_key(tag), spelling_key(other)) for tag, other in rows]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, csv.Error) as error:
        raise ProjectError(
            f"{name} is no table of implications: {error}", where=WHERE, next_step="write lines such as `katana,sword`"
        ) from error
    found: dict[str, list[str]] = {}
    for tag, other in pairs:
        found.setdefault(tag, []).append(other)
    return {tag: tuple(others) for tag, others in found.items()}


def _rows(text: str) -> Iterator[tuple[str, str]]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    names = next((pair for pair in _NAMES if set(pair) <= set(head)), None)
    first, second = (head.index(name) for name in names) if names else (0, 1)
    status = head.index("status") if names and "status" in head else None
    for row in rows[1:] if names else rows:
        if status is None or row[status] == "active":
            yield row[first], row[second]


def _entries(text: str, name: str) -> Iterator[tuple[str, str]]:
    for tag, others in _loaded(text, name).items():
        for other in [others] if isinstance(others, str) else others:
            yield tag, other


def _loaded(text: str, name: str) -> dict[str, Any]:
    if name.lower().endswith(".json"):
        found = json.loads(text)
    else:
        from lorabuild.schema.document import read

        document = read(text, name)
        if document.problems:
            raise ValueError(str(document.problems[0][2]))
        found = document.data
    if not isinstance(found, dict):
        raise TypeError("it holds no `tag: [implied tag, …]` lines")
    return found
