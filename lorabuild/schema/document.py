"""YAML text → plain data, with the place of every word and what is wrong. It knows no word of lora.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from lorabuild.schema.plain import meaning, quoted
from lorabuild.schema.problems import Problem
from lorabuild.schema.yaml_errors import explained

if TYPE_CHECKING:
    from collections.abc import Iterable

Trail = tuple[str, ...]

MOST_LETTERS = 1_000_000
MOST_VALUES = 100_000
DEEPEST = 40
_PLAIN, _TEXT = "!plain", "tag:yaml.org,2002:str"
_MAPPING, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands, and what was written behind it.

    Attributes:
        source: name of the file, or the whole ``--set …`` of the command line.
        line: from 1; 0 for the command line.
        column: from 1; 0 for the command line.
        raw: the scalar behind the word as it was written; None for a section or a list.
        behind: the rest of the line behind the word, which may be a comment.
    """

    source: str
    line: int = 0
    column: int = 0
    raw: str | None = None
    behind: str = ""

    def named(self, dotted: str) -> str:
        """``lora.yaml:12:5 training.loss``; a ``--set`` names its word itself."""
        return f"{self.source}:{self.line}:{self.column} {dotted}".rstrip() if self.line else self.source


@dataclass(slots=True)
class Document:
    """What a text says.

    Attributes:
        source: name of the file, or the whole ``--set …``.
        data: plain data; None where the text holds nothing or can't be read.
        places: trail of words and list positions → place.
        problems: what is wrong, with its trail; an empty trail where the text as a whole can't be read.
    """

    source: str
    data: Any = None
    places: dict[Trail, Place] = field(default_factory=dict)
    problems: list[tuple[Trail, Place, Problem]] = field(default_factory=list)

    def place(self, trail: Iterable[str]) -> Place:
        """The place of a word, or of the nearest section around it."""
        words = tuple(trail)
        while words and words not in self.places:
            words = words[:-1]
        return self.places.get(words) or Place(self.source)

    def where(self, trail: Iterable[str]) -> str:
        """The place of a word as a person reads it, also of a word that is missing."""
        words = tuple(trail)
        place, dotted = self.place(words), ".".join(words)
        known = place.line or place.source != self.source
        return place.named(dotted) if known else f"{self.source} {dotted}".rstrip()

    def blame(self, trail: Trail, place: Place, what: str, next_step: str = "") -> None:
        """Note a problem."""
        problem = Problem(place.named(".".join(trail)), what, next_step)
        self.problems.append((trail, place, problem))


def read(text: str, source: str) -> Document:
    """Read one YAML document; what is wrong with it is told in its ``problems``, nothing is raised.

    Args:
        text: the whole text.
        source: what places are called by, ``lora.yaml``.
    """
    document = Document(source)
    if len(text) > MOST_LETTERS:
        document.blame(
            (), Place(source), f"this file is longer than {MOST_LETTERS:,} letters", "is it really a lora.yaml?"
        )
        return document
    try:
        node = compose(text)
        if node is not None:
            document.data = _Walk(document, text.splitlines()).value(node, (), 1)
    except yaml.YAMLError as error:
        line, column, what, next_step = explained(error, text)
        document.blame((), Place(source, line, column), what, next_step)
    except (RecursionError, _TooMuchError):
        document.data = None
        document.blame(
            (),
            Place(source),
            f"this file is nested deeper than {DEEPEST} levels, or unfolds to more than {MOST_VALUES:,} values",
            "write it out without anchors (`&`) that repeat themselves",
        )
    return document


class _TooMuchError(Exception):
    """An alias bomb, or a structure without end."""


class _Reader(yaml.SafeLoader):
    """PyYAML's safe reader, except that unquoted words are left for ``plain.meaning``, and may begin with ``@``."""

    def check_plain(self) -> bool:
        """Whether an unquoted word begins here: ``@hair`` does, for YAML keeps the sign free and never used it."""
        return bool(self.peek() == "@" or super().check_plain())

    def resolve(self, kind: Any, _value: Any, implicit: Any) -> str:
        """The tag of a node that has none: only unquoted scalars are special."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _MAPPING if kind is yaml.MappingNode else _LIST


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text, with their marks. Raises yaml.YAMLError."""
    reader = _Reader(text)
    try:
        return reader.get_single_node()
    finally:
        reader.dispose()


@dataclass(slots=True)
class _Walk:
    """One walk through the nodes, which may share parts through anchors; it counts, so that no alias bomb goes off."""

    document: Document
    lines: list[str]
    count: int = 0

    def value(self, node: yaml.Node, trail: Trail, depth: int) -> Any:
        self.count += 1
        if self.count > MOST_VALUES or depth > DEEPEST:
            raise _TooMuchError
        if node.tag not in (_PLAIN, _TEXT, _MAPPING, _LIST):
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self.document.blame(trail, self.place(node), f"`{tag}` makes this a special value", "leave it out")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, trail, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.entry(child, (*trail, str(index)), depth) for index, child in enumerate(node.value)]
        return meaning(node.value) if node.tag == _PLAIN else node.value

    def entry(self, node: yaml.Node, trail: Trail, depth: int) -> Any:
        self.document.places[trail] = self.place(node, node)
        return self.value(node, trail, depth + 1)

    def mapping(self, node: yaml.MappingNode, trail: Trail, depth: int) -> dict[str, Any]:
        merges = [value for key, value in node.value if _is_merge(key)]
        found = {name: entry for merge in merges for name, entry in self.merged(merge, trail, depth).items()}
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = None if _is_merge(key) else self.word(key, trail)
            if name is None:
                continue
            if name in seen:
                again = f"`{name}` stands here twice, first in line {seen[name].start_mark.line + 1}"
                self.document.blame((*trail, name), self.place(key), again, "keep one of them")
                continue
            seen[name] = key
            self.document.places[(*trail, name)] = self.place(key, value)
            found[name] = self.value(value, (*trail, name), depth + 1)
        return found

    def merged(self, node: yaml.Node, trail: Trail, depth: int) -> dict[str, Any]:
        """What ``<<:`` brings in; of several sections the first wins."""
        sections = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for section in reversed(sections):
            if isinstance(section, yaml.MappingNode):
                found |= self.value(section, trail, depth + 1)
            else:
                self.document.blame(
                    trail, self.place(node), "`<<` takes a section, or a list of sections", "`<<: *name`"
                )
        return found

    def word(self, node: yaml.Node, trail: Trail) -> str | None:
        """The word before a colon. Raises nothing: what can't be one is blamed and left out."""
        if not isinstance(node, yaml.ScalarNode):
            what = "a word is expected before the colon, not a list or a section"
            self.document.blame(
                trail, self.place(node), what, 'a text that begins with `{` or `[` stands in quotes: "{…}"'
            )
            return None
        name = str(node.value)
        if node.tag == _PLAIN and (meaning(name) is None or isinstance(meaning(name), bool)):
            what = f"YAML reads the word `{name}` before a colon as {_called(meaning(name))}"
            self.document.blame((*trail, name), self.place(node), what, f"write it in quotes: {quoted(name)}:")
        return name

    def place(self, node: yaml.Node, value: yaml.Node | None = None) -> Place:
        mark = node.start_mark
        raw = value.value if isinstance(value, yaml.ScalarNode) else None
        line = self.lines[mark.line] if mark.line < len(self.lines) else ""
        return Place(self.document.source, mark.line + 1, mark.column + 1, raw, line[mark.column :])


def _is_merge(node: yaml.Node) -> bool:
    return node.tag == _PLAIN and node.value == "<<"


def _called(value: Any) -> str:
    return "nothing" if value is None else str(value).lower()
