"""PyYAML's complaints in a person's words, with what to write instead."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.reader import ReaderError

from lorabuild.schema.plain import in_quotes

Explained = tuple[int, int, str, str]

_STAR = re.compile(r"\*[^\s,\]}#:]*")
_SPECIAL = "begins with a sign that means something else in YAML"


def explained(error: yaml.YAMLError, text: str) -> Explained:
    """Line and column (from 1), what is wrong, and what to write.

    Args:
        error: what PyYAML raised.
        text: the text that it was reading.
    """
    if isinstance(error, ReaderError):
        return _strange_letter(error, text)
    problem, problem_mark = getattr(error, "problem", None) or str(error), getattr(error, "problem_mark", None)
    context, context_mark = getattr(error, "context", None) or "", getattr(error, "context_mark", None)
    line, column = _at(problem_mark or context_mark)
    rest = _rest(text, line, column)
    if "alias" in context or "undefined alias" in problem:
        return _star(*_at(context_mark or problem_mark), text, problem)
    if "'\\t'" in problem or rest.startswith("\t"):
        return line, column, "a tab indents this line; YAML wants spaces", "replace the tab by two spaces"
    if "cannot start any token" in problem:
        return line, column, f"`{rest[:1]}` {_SPECIAL}", f"write the text in quotes: {in_quotes(_value(rest))}"
    if "unexpected end of stream" in problem and "quoted" in context:
        return *_at(context_mark), "this quote is never closed", f"put a {rest_quote(text, context_mark)} at the end of the text"
    return line, column, *_told(problem, context)


def rest_quote(text: str, mark: Any) -> str:
    """The quote that stands at a mark."""
    return _rest(text, *_at(mark))[:1] or '"'


def _at(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _rest(text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    return lines[line - 1][column - 1 :] if line <= len(lines) else ""


def _value(rest: str) -> str:
    return re.split(r"\s+#|,\s|[\]}]", rest, maxsplit=1)[0].strip()


def _strange_letter(error: ReaderError, text: str) -> Explained:
    before = text[: error.position]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return line, column, f"there is an invisible letter here (U+{ord(text[error.position]):04X})", "delete it"


def _star(line: int, column: int, text: str, problem: str) -> Explained:
    """``absorbs: [*_eyes]``: a pattern that YAML takes for the name of an anchor."""
    found = _STAR.match(_rest(text, line, column))
    word = found.group() if found else "*"
    what = f"`{word}` begins with a star, and YAML takes that for a reference"
    if "undefined" in problem and not re.search(r"&\w", text):
        what += " to something that was never written"
    return line, column, what, f"write it in quotes: {in_quotes(word)}"


def _told(problem: str, context: str) -> tuple[str, str]:
    if "mapping values are not allowed" in problem:
        return (
            "there is a colon too many here, or this line is indented more than the one above",
            "line it up with its neighbours; a text with `: ` in it stands in quotes",
        )
    if "could not find expected ':'" in problem:
        return "there is no colon behind this word", "write `word: value`, with a blank behind the colon"
    if "expected <block end>" in problem:
        return (
            "this line does not fit in with the lines above: it is indented differently, or text follows a closed "
            "quote or bracket",
            'line it up with its neighbours; a text that begins with `{`, `[` or a quote stands in quotes as a whole: "{red|blue} cat"',
        )
    if "flow" in context:
        return "a bracket that is opened here or above is never closed, or a comma is missing", "write [one, two] or {word: value}"
    if "but found another document" in problem:
        return "a second document begins here (`---`)", "one lora.yaml holds one project: delete this line"
    return f"this can't be read as YAML ({'; '.join(part for part in (context, problem) if part)})", ""
