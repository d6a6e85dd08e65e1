"""pydantic's complaints → problems in a person's words: the nearest word, what is expected, what to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.core.words import nearest
from lorabuild.schema.expected import example, listed, wanted
from lorabuild.schema.plain import in_quotes, inline, meaning
from lorabuild.schema.project import Project
from lorabuild.schema.prompt_lines import LineError, parse
from lorabuild.schema.unknown import unknown
from lorabuild.schema.words import LIST_ITEM, MAP_KEY, Shape, fields, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.fields import FieldInfo

    from lorabuild.schema.document import Document, Place, Trail
    from lorabuild.schema.section import Section

Told = tuple[str, str]
Variants = tuple[tuple[str, "type[Section]"], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One complaint, put into the terms of lora.yaml.

    Attributes:
        trail: where, as words and list positions.
        general: the same as a dotted name, with ``<name>`` for what a person named.
        name: the nearest word (not a list position).
        shape: what is allowed here; None for an unknown word.
        field: the record's field that the word or its list stands for; None for unknown words and entries of a map.
        section: the record around it.
        variants: the other forms of that record, where it is one of several.
        given: what was written, as plain data.
        place: where it stands in the text.
    """

    trail: Trail
    general: str
    name: str
    shape: Shape | None
    field: FieldInfo | None
    section: type[Section]
    variants: Variants
    given: Any
    place: Place


def told(error: Mapping[str, Any], document: Document) -> tuple[Trail, Place, str, str]:
    """Where a complaint of pydantic points at, what is wrong there, and what to write.

    Args:
        error: one of ``ValidationError.errors()``.
        document: the text that the complaint is about.
    """
    kind, loc = str(error["type"]), tuple(error["loc"])
    if kind == "missing" and isinstance(loc[-1], int):
        kind, loc = "too_short_pair", loc[:-1]
    case = _case(loc, error.get("input"), document)
    if kind == "union_tag_invalid":
        trail = (*case.trail, "type")
        return trail, document.place(trail), *_unknown_type(case)
    return case.trail, case.place, *_ANSWERS.get(kind, _wrong)(case)


def _case(loc: tuple[str | int, ...], given: Any, document: Document) -> Case:
    """Follow a complaint's location through the records; the tag of a union, which pydantic adds, is no word."""
    section: type[Section] = Project
    here: Shape | None = Shape("section", section=Project)
    field: FieldInfo | None = None
    variants: Variants = ()
    around: Variants = ()
    trail: Trail = ()
    general: Trail = ()
    name = ""
    for part in map(str, loc):
        if here is None:
            break
        if here.kind == "union":
            around, here = here.variants, Shape("section", section=dict(here.variants)[part])
            continue
        trail = (*trail, part)
        if here.section:
            section, variants, name, general = here.section, around, part, (*general, part)
            field = fields(section).get(name)
            here, around = (shape(field.annotation) if field else None), ()
        else:
            if here.kind == "map":
                name, field, general = part, None, (*general, MAP_KEY)
            elif shape(here.items).section:
                general = (*general, LIST_ITEM)
            here = shape(here.items)
    return Case(trail, ".".join(general), name, here, field, section, variants, given, document.place(trail))


def _kinds(case: Case) -> tuple[str, ...]:
    return tuple(name for name, _ in case.shape.variants) if case.shape else ()


def _unknown(case: Case) -> Told:
    return unknown(case.name, case.section, case.general, case.variants)


def _unknown_type(case: Case) -> Told:
    return _choice(f"the type of `{case.name}`", case.given.get("type"), _kinds(case), "type: ")


def _unknown_choice(case: Case) -> Told:
    given = case.given if case.place.raw is None else case.place.raw
    known = tuple(map(str, case.shape.choices)) if case.shape else ()
    return _choice(f"`{case.name}`", given, known, f"{case.name}: ")


def _choice(subject: str, given: Any, known: tuple[str, ...], before: str) -> Told:
    if given is None:
        return f"nothing is written behind `{before.strip()}`", f"write `{before}{known[0]}`, or leave the line out"
    written = given if isinstance(given, str) else inline(given)
    near = known[0] if len(known) == 1 else nearest(written, known)
    next_step = f"write `{before}{near}`" if near else f"write one of these: {', '.join(known)}"
    return f"{subject} can't be `{written}`; known: {listed(known)}", next_step


def _missing(case: Case) -> Told:
    around = ".".join(case.trail[:-1])
    under = f"under `{around}:`" if around else "in lora.yaml"
    described = f" ({case.field.description.rstrip('.')})" if case.field and case.field.description else ""
    return f"`{case.name}` is missing {under}{described}", _write(case)


def _empty(case: Case) -> Told:
    return f"nothing stands under `{case.name}`", _write(case)


def _pattern(case: Case) -> Told:
    described = case.field.description if case.field else ""
    return f"`{case.name}` can't be `{case.given}`: {described}", _write(case)


def _write(case: Case) -> str:
    return f"write `{example(case.name, case.field)}`" if case.field else ""


def _wrong(case: Case) -> Told:
    if case.given is None:
        return f"nothing is written behind `{case.name}:`", _instead_of_nothing(case)
    item = case.trail[-1].isdigit() and case.field is not None
    expected = wanted(case.field) if case.field else _entry(case.shape)
    return f"`{case.name}` wants {expected}; here stands {_stands(case.given, case.place, item=item)}", _instead(case)


def _entry(found: Shape | None) -> str:
    return "a section of its own" if found and found.section else "a text"


def _stands(given: Any, place: Place, *, item: bool) -> str:
    where = " in the list" if item else ""
    if isinstance(given, bool) and place.raw and place.raw.lower() not in ("true", "false"):
        return f"`{place.raw}`{where}, which YAML reads as {inline(given)}"
    if isinstance(given, dict):
        return f"a section{where}"
    if isinstance(given, list):
        return f"a list{where}" if item else f"`{inline(given)}`"
    kind = "the text " if isinstance(given, str) else ""
    return f"{kind}`{place.raw if place.raw is not None else inline(given)}`{where}"


def _instead_of_nothing(case: Case) -> str:
    place = case.place
    comment = place.behind.partition("#")[2].strip()
    if comment and "#" in place.behind.partition(":")[2].strip()[:1]:
        return (
            f"what follows a `#` is a comment; write it in quotes: {case.name}: {in_quotes('#' + comment.split()[0])}"
        )
    if case.field is None:
        return f'write `{case.name}: ""`'
    return f"{_write(case)}, or leave the line out" if not case.field.is_required() else _write(case)


def _instead(case: Case) -> str:
    given, place, found = case.given, case.place, case.shape or Shape("value")
    before = "- " if case.trail[-1].isdigit() else f"{case.name}: "
    if found.kind == "value" and found.value is str and isinstance(given, (bool, int, float)):
        return f"write it in quotes: {before}{in_quotes(place.raw or inline(given))}"
    if found.kind == "value" and isinstance(given, str) and isinstance(meaning(given), found.value | int):
        return f"write it without quotes: {before}{given}"
    if found.kind == "list" and isinstance(given, (str, int, float)):
        return f"write a list: {before}[{in_quotes(place.raw or inline(given))}]"
    if found.kind == "union" and isinstance(given, str):
        kind = nearest(given, _kinds(case)) or _kinds(case)[0]
        return f"write `{before}{{type: {kind}}}`"
    if found.kind == "value" and found.value is int and isinstance(given, float) and given.is_integer():
        return f"write `{before}{int(given)}`"
    return _write(case) if case.field else f"write `{before}{{…}}`" if found.section else ""


def _prompt(case: Case) -> Told:
    try:
        parse(case.given)
    except LineError as error:
        return error.what, error.next_step
    return _wrong(case)


_ANSWERS: dict[str, Callable[[Case], Told]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _unknown_choice,
    "too_short": _empty,
    "string_pattern_mismatch": _pattern,
    "prompt_line": _prompt,
}
