"""The walk of the records: every word of lora.yaml with its place, its type and its default. It reads no file."""

from __future__ import annotations

import types
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from lorabuild.schema.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

MAP_KEY, LIST_ITEM = "<name>", "<number>"


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand behind a word.

    Attributes:
        kind: ``section``, ``union`` (sections told apart by ``type``), ``map``, ``list``, ``pair`` (a list of fixed
            length), ``choice`` (one of some words), ``value``, or ``any`` of these, unread.
        optional: whether nothing (``null``) is allowed.
        section: the record of a section.
        variants: ``type`` word → record, for a union; also for a section that has a ``type``.
        items: annotation of what a map or list holds.
        length: how many values a pair has.
        choices: the words of a choice.
        value: ``int``, ``float``, ``bool`` or ``str``.
    """

    kind: str
    optional: bool = False
    section: type[Section] | None = None
    variants: tuple[tuple[str, type[Section]], ...] = ()
    items: Any = None
    length: int = 0
    choices: tuple[str, ...] = ()
    value: type = str


@dataclass(frozen=True, slots=True)
class Word:
    """One word of lora.yaml.

    Attributes:
        dotted: where it stands, ``triggers.<name>.absorbs``; the variants of a union share a place.
        name: the word itself.
        owner: the record that declares it.
        field: its type, limits, default and description.
        variant: the ``type`` of its section; empty where there is but one.
    """

    dotted: str
    name: str
    owner: type[Section]
    field: FieldInfo
    variant: str = ""


def fields(section: type[Section]) -> dict[str, FieldInfo]:
    """Word → field of one section, under the names that a person writes (``class``, not ``class_``)."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def shape(annotation: Any) -> Shape:
    """What a field's annotation allows. Raises ``TypeError`` for a type that lora.yaml has no form for."""
    return _shape(annotation)


@cache
def _shape(annotation: Any) -> Shape:
    members = _members(annotation)
    optional = types.NoneType in members
    members = tuple(member for member in members if member is not types.NoneType)
    if len(members) > 1:
        return Shape("union", optional, variants=_variants(members))
    return replace(_plain(members[0]), optional=optional)


def _plain(only: Any) -> Shape:
    """The shape of one type, not a union."""
    origin, inside = get_origin(only), get_args(only)
    if isinstance(only, type) and issubclass(only, Section):
        return Shape("section", section=only, variants=_variants((only,)))
    if origin is dict:
        return Shape("map", items=inside[1])
    if origin is tuple:
        return (
            Shape("list", items=inside[0]) if inside[-1] is ... else Shape("pair", items=inside[0], length=len(inside))
        )
    if origin is Literal:
        return Shape("choice", choices=inside)
    if only is Any:
        return Shape("any")
    if only in (int, float, bool, str):
        return Shape("value", value=only)
    raise TypeError(f"lora.yaml has no form for {only}")


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in _members(part))
    return (annotation,)


def _variants(sections: tuple[type[Section], ...]) -> tuple[tuple[str, type[Section]], ...]:
    """The sections whose ``type`` can be but one word, by that word."""
    kinds = ((get_args(one.model_fields["type"].annotation), one) for one in sections if "type" in one.model_fields)
    return tuple((words_of[0], one) for words_of, one in kinds if len(words_of) == 1)


def words(section: type[Section], prefix: str = "", variant: str = "") -> Iterator[Word]:
    """Every word of a section and of what lies below it, in the order in which they are declared."""
    for name, field in fields(section).items():
        dotted = f"{prefix}.{name}" if prefix else name
        yield Word(dotted, name, section, field, variant)
        yield from below(field.annotation, dotted)


def below(annotation: Any, dotted: str) -> Iterator[Word]:
    """The words under a place: those of a section, of every variant of a union, of what a map or a list holds."""
    found = shape(annotation)
    if found.kind == "union":
        for name, section in found.variants:
            yield from words(section, dotted, name)
    elif found.section:
        yield from words(found.section, dotted, found.variants[0][0] if found.variants else "")
    elif found.kind in ("map", "list"):
        yield from below(found.items, f"{dotted}.{MAP_KEY if found.kind == 'map' else LIST_ITEM}")


def is_runtime_only(field: FieldInfo) -> bool:
    """Whether a field changes how a build runs and never what it makes."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("runtime_only"))
