"""The text of a lora.yaml with one word more: every line that needn't change keeps its bytes, comments and blanks too.

The reader's marks say where a value stands, and the new text is spliced in there: libraries that load and dump a whole
document set blanks, quotes and comments anew (8 of the example project's 71 lines). The result is read again and
compared with what it should say, so that no edit can mean something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from lorabuild.core.errors import ProjectError
from lorabuild.schema.document import Trail, compose, read
from lorabuild.schema.plain import inline, meaning, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

INDENT = "  "


class Splice(NamedTuple):
    """Letters ``start`` to ``end`` of a text give way to ``text``."""

    start: int
    end: int
    text: str


def put(text: str, trail: Trail, value: Any) -> str:
    """The text with a word set: ``captions.replace.OLD`` is ``value``; missing sections are made.

    Raises ProjectError where that can't be done without touching anything else.
    """
    return _checked(text, trail, lambda data: _set(data, trail, value), lambda root: _put(text, root, trail, value))


def append(text: str, trail: Trail, value: Any) -> str:
    """The text with one entry more in a list, which is made where it is missing; ``value`` is a text or a section.

    Raises ProjectError where that can't be done without touching anything else.
    """
    return _checked(text, trail, lambda data: _add(data, trail, value), lambda root: _append(text, root, trail, value))


def _checked(text: str, trail: Trail, wanted: Callable[[Any], Any], edit: Callable[[yaml.Node], Splice | None]) -> str:
    root = compose(text)
    splice = edit(root) if root else None
    if splice:
        made = text[: splice.start] + splice.text + text[splice.end :]
        expected, found = wanted(read(text, "").data), read(made, "")
        if not found.problems and found.data == expected:
            return made
    raise ProjectError(
        "this can't be written without touching other lines",
        where=read(text, "lora.yaml").where(trail),
        next_step="write it there yourself",
    )


def _put(text: str, root: yaml.Node, trail: Trail, value: Any) -> Splice | None:
    node, missing = _found(root, trail)
    if missing:
        return _entry(text, node, missing, value)
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        return None
    return Splice(node.start_mark.index, node.end_mark.index, ("" if node.value else " ") + inline(value))


def _append(text: str, root: yaml.Node, trail: Trail, value: Any) -> Splice | None:
    node, missing = _found(root, trail)
    if missing:
        return _entry(text, node, missing, [value])
    if not isinstance(node, yaml.SequenceNode):
        return _instead_of_nothing(node, f"[{inline(value)}]")
    if node.flow_style:
        return _in_brackets(node, node.value, inline(value))
    return _below(text, node.value[-1], node.start_mark.column, f"- {inline(value)}")


def _entry(text: str, node: yaml.Node, missing: Trail, value: Any) -> Splice | None:
    """A word more in a section, with the sections that are missing around it."""
    for word in reversed(missing[1:]):
        value = {word: value}
    first = missing[0]
    if not isinstance(node, yaml.MappingNode):
        return _instead_of_nothing(node, inline({first: value}))
    if node.flow_style:
        return _in_brackets(node, [value for _, value in node.value], inline({first: value})[1:-1])
    lines = "\n".join(block({first: value}))
    return _below(text, node.value[-1][1], node.start_mark.column, lines)


def _instead_of_nothing(node: yaml.Node, text: str) -> Splice | None:
    """``drop:`` with nothing behind it, or ``~``."""
    if not isinstance(node, yaml.ScalarNode) or node.style or meaning(node.value) is not None:
        return None
    return Splice(node.start_mark.index, node.end_mark.index, text if node.value else f" {text}")


def _in_brackets(node: yaml.Node, entries: list[yaml.Node], text: str) -> Splice:
    """Behind the last entry of ``[…]`` or ``{…}``."""
    place = _end(entries[-1]).index if entries else node.end_mark.index - 1
    return Splice(place, place, f", {text}" if entries else text)


def _below(text: str, last: yaml.Node, column: int, lines: str) -> Splice:
    """On lines of their own below the last entry, with the line ends of the text."""
    end = _end(last).index
    end -= text[end - 1 : end] == "\n"  # a text of several lines (`|`) ends behind its last one
    place = text.find("\n", end)
    place = len(text) if place < 0 else place
    newline = "\n"
    if text[place - 1 : place] == "\r":
        place, newline = place - 1, "\r\n"
    indented = "".join(f"{newline}{' ' * column}{line}" for line in lines.split("\n"))
    return Splice(place, place, indented)


def _end(node: yaml.Node) -> yaml.Mark:
    """Where a value really ends: the mark of an indented one lies before what comes next."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark


def _found(root: yaml.Node, trail: Trail) -> tuple[yaml.Node, Trail]:
    """The last value on the trail that is there, and the words that are missing below it."""
    node = root
    for number, word in enumerate(trail):
        entries = dict(_entries(node))
        if word not in entries:
            return node, trail[number:]
        node = entries[word]
    return node, ()


def _entries(node: yaml.Node) -> list[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    values = node.value if isinstance(node, yaml.SequenceNode) else ()
    return [(str(number), value) for number, value in enumerate(values)]


def _set(data: Any, trail: Trail, value: Any) -> Any:
    """The data with a word set."""
    first, *rest = trail
    if isinstance(data, list):
        return [_set(entry, tuple(rest), value) if str(at) == first else entry for at, entry in enumerate(data)]
    held = data or {}
    return {**held, first: _set(held.get(first), tuple(rest), value) if rest else value}


def _add(data: Any, trail: Trail, value: Any) -> Any:
    """The data with one entry more."""
    held = data
    for word in trail:
        held = (held[int(word)] if isinstance(held, list) else held.get(word)) if held else None
    return _set(data, trail, [*(held or []), value])


def block(section: dict[str, Any]) -> list[str]:
    """A section as lines; lists stand on one."""
    lines: list[str] = []
    for word, value in section.items():
        below = block(value) if isinstance(value, dict) else None
        lines += [f"{quoted(word)}: {inline(value)}"] if below is None else [f"{quoted(word)}:", *_indented(below)]
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]
