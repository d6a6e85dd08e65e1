"""PyYAML's complaints in a person's words, with what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yaml.reader import ReaderError

from lorabuild.schema.plain import in_quotes

if TYPE_CHECKING:
    import yaml

Explained = tuple[int, int, str, str]

_STAR = re.compile(r"\*[^\s,\]}#:]*")
_COMPLAINTS = (
    (
        "mapping values are not allowed",
        "there is a colon too many here, or this line is indented more than the one above",
        "line it up with its neighbours; a text with `: ` in it stands in quotes",
    ),
    (
        "could not find expected ':'",
        "there is no colon behind this word",
        "write `word: value`, with a blank behind the colon",
    ),
    (
        "expected <block end>",
        "this line does not fit in with those above: other indentation, or text behind a closed quote or bracket",
        'line it up; a text that begins with `{`, `[` or a quote stands in quotes as a whole: "{red|blue} cat"',
    ),
    (
        "but found another document",
        "a second document begins here (`---`)",
        "one lora.yaml holds one project: delete this line",
    ),
)
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
        opened = _rest(text, *_at(context_mark))
        return *_at(context_mark), "this quote is never closed", f"put a {opened[:1]} at the end of the text"
    around = "\n".join(text.splitlines()[max(0, line - 2) : line])
    return line, column, *_told(problem, context, around)


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


def _told(problem: str, context: str, around: str) -> tuple[str, str]:
    """The commonest complaints; ``around`` is the line of the complaint and the one above."""
    if "flow" in context and re.search(r"[\[{].*\s#", around):
        what = "a bracket is never closed, perhaps because everything behind a `#` is a comment"
        return what, 'write colours in quotes: "#ffffff"'
    if "flow" in context:
        what = "a bracket that is opened here or above is never closed, or a comma is missing"
        return what, "write [one, two] or {word: value}"
    for sign, what, next_step in _COMPLAINTS:
        if sign in problem:
            return what, next_step
    return f"this can't be read as YAML ({'; '.join(part for part in (context, problem) if part)})", ""
