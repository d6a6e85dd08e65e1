"""What may stand behind a word, in a person's words, with an example: for messages and for the reference page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.plain import inline
from lorabuild.schema.section import Section
from lorabuild.schema.words import Shape, fields, shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

_VALUES = {int: "a whole number", float: "a number", bool: "`true` or `false`", str: "a text"}
_EXAMPLES = {int: 1, float: 1.0, bool: True, str: "text"}


def wanted(field: FieldInfo) -> str:
    """``a whole number, 1 to 1024``."""
    limits = limit(field)
    return form(shape(field.annotation)) + (f", {limits}" if limits else "")


def form(found: Shape) -> str:
    """What a shape is called: ``a list of texts``, ``one of `a`, `b```."""
    if found.kind == "value":
        return _VALUES[found.value]
    if found.kind == "choice":
        return ("one of " if len(found.choices) > 1 else "") + listed(found.choices)
    if found.kind == "union":
        return "a section with " + listed([f"type: {name}" for name, _ in found.variants], last=" or ")
    if found.kind == "map":
        return f"`name: …` lines, each with {form(shape(found.items))}"
    if found.kind in ("list", "pair"):
        count = f"{found.length} " if found.length else ""
        return f"a list of {count}{form(shape(found.items)).removeprefix('a ')}s"
    return "a value" if found.kind == "any" else "a section"


def listed(words: Iterable[str], last: str = ", ") -> str:
    """Words in backticks: ``a``, ``b`` or ``c``."""
    ticked = [f"`{word}`" for word in words]
    return last.join([", ".join(ticked[:-1]), ticked[-1]]) if len(ticked) > 1 else "".join(ticked)


def limit(field: FieldInfo) -> str:
    """The numbers that are allowed: ``1 to 1024``, ``above 0``; empty without limits."""
    found = {
        name: getattr(one, name) for one in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(one, name)
    }
    low = f"above {found['gt']:g}" if "gt" in found else f"{found['ge']:g}" if "ge" in found else ""
    if "le" in found:
        return f"{low} to {found['le']:g}" if low else f"at most {found['le']:g}"
    return f"{low} or more" if "ge" in found else low


def example(name: str, field: FieldInfo) -> str:
    """A line that could stand in lora.yaml: ``batch: 1``."""
    return f"{name}: {inline(example_value(field))}"


def example_value(field: FieldInfo) -> Any:
    """A value that a field would take: its own example, its default, or the simplest one."""
    if field.examples:
        return field.examples[0]
    if isinstance(field.default, Section) and not bare(field.default):
        name, first = next(iter(fields(type(field.default)).items()))
        return {name: example_value(first)}
    if not field.is_required() and field.default not in (None, (), {}, ""):
        return bare(field.default)
    return _simplest(shape(field.annotation))


def _simplest(found: Shape) -> Any:
    if found.kind in ("section", "union"):
        section = found.section or found.variants[0][1]
        needed = {name: field for name, field in fields(section).items() if field.is_required() or name == "type"}
        return {name: example_value(field) for name, field in needed.items()}
    if found.kind == "map":
        return {"name": _simplest(shape(found.items))}
    if found.kind in ("list", "pair"):
        return [_simplest(shape(found.items))] * max(found.length, 1)
    return found.choices[0] if found.kind == "choice" else _EXAMPLES[found.value]


def bare(value: Any) -> Any:
    """A default as plain data; of a section only its ``type``, since the rest are defaults as well."""
    if isinstance(value, Section):
        kinds = shape(type(value)).variants
        return {"type": kinds[0][0]} if kinds else {}
    return list(value) if isinstance(value, tuple) else value
