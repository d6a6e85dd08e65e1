"""Lists of pictures with their words: CSV, JSON lines, and the ``metadata.jsonl`` of a Hugging Face imagefolder."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATHS = ("path", "file_name", "file", "image")
WORDS = ("caption", "text", "tags")
MOST = 1_000_000
Often = tuple[float | None, int | None]
"""Weight and repeats, where they are said."""


class Listed(NamedTuple):
    """One picture of a list: its line from 1, its path as it is written, its words, and how often, where it says so."""

    line: int
    path: str
    words: str | None
    often: Often = (None, None)


def listed(data: bytes, *, table: bool) -> tuple[list[Listed], dict[int, str]]:
    """The pictures of a list, each path once; and line → what is wrong there.

    Args:
        data: the file.
        table: whether it is CSV with the names of its columns in the first line; else it is JSON, an object a line.
    """
    text = data.decode("utf-8-sig", errors="replace")
    found, wrong, seen = list[Listed](), dict[int, str](), set[str]()
    try:
        for line, row in _table(text) if table else _lines(text):
            problem = row if isinstance(row, str) else _taken(line, row, found, seen)
            if problem:
                wrong[line] = problem
    except csv.Error as error:
        wrong[0] = f"it is no CSV: {error}"
    return found, wrong


def _table(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    names = {str(name).strip().lower() for name in reader.fieldnames or ()}
    if not names & {*PATHS}:
        yield 1, f"no column is called {' or '.join(PATHS)}"
        return
    for row in reader:
        yield reader.line_num, row


def _lines(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield number, row if isinstance(row, dict) else "it is no JSON object"


def _taken(line: int, row: Mapping[str, Any], found: list[Listed], seen: set[str]) -> str:
    """Add a row; what is wrong with it."""
    known = {str(name).strip().lower(): value for name, value in row.items() if name is not None}
    path = next((known[name] for name in PATHS if known.get(name)), None)
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        return "it names no picture"
    if path in seen:
        return f"{path} stands here a second time"
    words = next((known[name] for name in WORDS if known.get(name) is not None), None)
    said = ", ".join(map(str, words)) if isinstance(words, list) else _text(words)
    try:
        often = _number(known, "weight"), _number(known, "repeats")
    except ValueError as error:
        return str(error)
    seen.add(path)
    found.append(Listed(line, path.strip(), said, (often[0], None if often[1] is None else int(often[1]))))
    return ""


def _number(row: Mapping[str, Any], word: str) -> float | None:
    """A weight above 0, or whole repeats; None where nothing is said. Raises ``ValueError`` with what is wrong."""
    text = row.get(word)
    if text is None or text == "":
        return None
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(text, bool) or not 0 <= number <= MOST or (number == 0 if word == "weight" else number % 1):
        wanted = "a whole number" if word == "repeats" else "a number above 0"
        raise ValueError(f"its {word}, `{text}`, should be {wanted}")
    return number


def _text(words: Any) -> str | None:
    return None if words is None else str(words)
