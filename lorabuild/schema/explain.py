"""pydantic's complaints → problems in a person's words: the nearest word, what is expected, what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.core.words import nearest
from lorabuild.schema.expected import example, listed, wanted
from lorabuild.schema.plain import in_quotes, inline, meaning
from lorabuild.schema.project import Project
from lorabuild.schema.unknown import unknown
from lorabuild.schema.words import MAP_KEY, Shape, fields, shape

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from lorabuild.schema.document import Place
    from lorabuild.schema.section import Section

Told = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One complaint, put into the terms of lora.yaml.

    Attributes:
        trail: where, as words and list positions.
        general: the same as a dotted name, with ``<name>`` for what a person named.
        name: the nearest word (not a list position).
        shape: what is allowed here; None for an unknown word.
        field: the record's field that the word or its list stands for; None for an unknown word and for map entries.
        section: the record around it.
        variant: the ``type`` of that record, where there are several.
        given: what was written, as plain data.
    """

    trail: tuple[str, ...]
    general: str
    name: str
    shape: Shape | None
    field: FieldInfo | None
    section: type[Section]
    variants: tuple[tuple[str, type[Section]], ...]
    given: Any


def told(error: Mapping[str, Any]) -> tuple[Case, Callable[[Place], Told]]:
    """A complaint of pydantic as a case, and what to say about it once its place is known."""
    case = _case(error["loc"], error.get("input"))
    kind = str(error["type"])
    if kind == "extra_forbidden":
        answer = unknown(case.name, case.section, case.general, case.variants)
        return case, lambda _place: answer
    if kind == "union_tag_invalid":
        return case, lambda _place: _choice(f"type of `{case.name}`", error["ctx"]["tag"], _kinds(case), "type: ")
    if kind == "missing" and not case.trail[-1].isdigit():
        return case, lambda _place: _missing(case)
    if kind == "literal_error" and case.shape:
        choices = case.shape.choices
        return case, lambda place: _choice(f"`{case.name}`", place.raw or case.given, choices, f"{case.name}: ")
    if kind == "too_short":
        return case, lambda _place: (f"nothing stands under `{case.name}`", _write(case))
    if kind == "string_pattern_mismatch" and case.field:
        what = f"`{case.name}` can't be `{case.given}`: {case.field.description}"
        return case, lambda _place: (what, _write(case))
    return case, lambda place: _wrong(case, place)


def _case(loc: Iterable[str | int], given: Any) -> Case:
    section: type[Section] = Project
    here, variants = Shape("section", section=Project), ()
    field: FieldInfo | None = None
    trail: list[str] = []
    general: list[str] = []
    name = ""
    around: tuple[tuple[str, type[Section]], ...] = variants
    for part in loc:
        if here.kind == "union":
            around = here.variants
            here = Shape("section", section=dict(here.variants)[str(part)])
            continue
        trail.append(str(part))
        if here.section:
            section, variants, name = here.section, around, str(part)
            field = fields(section).get(name)
            general.append(name)
            if field is None:
                return Case(tuple(trail), ".".join(general), name, None, None, section, variants, given)
            here, around = shape(field.annotation), ()
        else:
            name, field = (str(part), None) if here.kind == "map" else (name, field)
            general += [MAP_KEY] if here.kind == "map" else []
            here = shape(here.items)
    return Case(tuple(trail), ".".join(general), name, here, field, section, variants, given)


def _kinds(case: Case) -> tuple[str, ...]:
    return tuple(name for name, _ in case.shape.variants) if case.shape else ()


def _choice(subject: str, given: Any, known: tuple[str, ...], before: str) -> Told:
    near = nearest(str(given), known)
    subject = f"the {subject}" if subject.startswith("type") else subject
    next_step = f"write `{before}{near}`" if near else f"write one of these: {', '.join(known)}"
    return f"{subject} can't be `{given}`; {listed(known, 'known are ') if len(known) > 1 else f'known is `{known[0]}`'}", next_step


def _missing(case: Case) -> Told:
    around = ".".join(case.trail[:-1])
    under = f"under `{around}:`" if around else "in lora.yaml"
    described = f" ({case.field.description.rstrip('.')})" if case.field and case.field.description else ""
    return f"`{case.name}` is missing {under}{described}", _write(case)


def _write(case: Case) -> str:
    return f"write `{example(case.name, case.field)}`" if case.field else ""


def _wrong(case: Case, place: Place) -> Told:
    if case.given is None:
        return f"nothing is written behind `{case.name}:`", _instead_of_nothing(case, place)
    item = case.trail[-1].isdigit() and case.field is not None
    expected = wanted(case.field) if case.field else _entry(case.shape)
    return f"`{case.name}` wants {expected}; here stands {_stands(case.given, place, item=item)}", _instead(case, place)


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


def _instead_of_nothing(case: Case, place: Place) -> str:
    comment = place.behind.partition("#")[2].strip()
    if comment and "#" in place.behind.partition(":")[2].strip()[:1]:
        return f"what follows a `#` is a comment; write it in quotes: {case.name}: {in_quotes('#' + comment.split()[0])}"
    return f"{_write(case)}, or leave the line out" if case.field and not case.field.is_required() else _write(case)


def _instead(case: Case, place: Place) -> str:
    given, found = case.given, case.shape or Shape("value")
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
