"""The reference page and the JSON Schema of lora.yaml, made from the records and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.expected import bare, example, limit, listed
from lorabuild.schema.plain import inline
from lorabuild.schema.project import Project
from lorabuild.schema.words import LIST_ITEM, MAP_KEY, Shape, fields, is_runtime_only, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from lorabuild.schema.section import Section

_INTRODUCTION = """\
# lora.yaml

*Every word, made from the records in `lorabuild/schema/` by `lorabuild schema --markdown`.*

A project is a folder with a `lora.yaml`. Only `name`, `base` and `concepts` must be there (in a slider, `slider` stands
for `concepts`); all else has a default that suits most people. A word that does not exist, a wrong type, a folder that
is missing: each is answered with file, line, column, the nearest word, and what to write.

* Numbers are what looks like one: `1e-4` is a number, `010` is ten. `yes`, `no`, `on`, `off` are truth values;
  a text that reads like one, or like a number, stands in quotes.
* A pattern that begins with a star, a colour, a text with `: ` in it or with `{` or `[` in front stands in quotes:
  `"*_eyes"`, `"#ffffff"`, `"{red|blue} cat"`. A prompt with commas is one text: `["zorbl, forest"]`.
* A section with nothing under it means its defaults. Where a section comes in several types and none is named,
  the usual one is meant: `optimizer: {lr: 2e-4}` is AdamW.
* Anchors (`&name`, `*name`, `<<:`) may be used. Paths start from the folder of lora.yaml; `~` is the home folder.
* `lorabuild --set training.batch=2` says one word for one run.
* Words marked ⚙ change how a build runs and never what it makes: changing one redoes nothing.

For help while typing, `lorabuild schema > lora.schema.json` and write as the first line of lora.yaml:

    # yaml-language-server: $schema=lora.schema.json

The smallest lora.yaml:

```yaml
name: zorbl
base: {model: stable-diffusion-v1-5/stable-diffusion-v1-5}
triggers: {zorbl: {kind: character, class: creature}}
concepts: {plain: {folder: dataset/plain, triggers: [zorbl]}}
```
"""

_OF_MANY = {"map": MAP_KEY, "list": LIST_ITEM}
_HEAD = "| word | type | default | meaning | example |\n|---|---|---|---|---|"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of lora.yaml, for editors."""
    made = Project.model_json_schema(by_alias=True)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "lora.yaml"
    a_slider = {"properties": {"kind": {"const": "slider"}}, "required": ["kind"]}
    made |= {"if": a_slider, "then": {"required": ["slider"]}, "else": {"required": ["concepts"]}}
    for name in _variants_to_name(Project):
        definition = made["$defs"][name]
        definition["required"] = sorted({*definition.get("required", ()), "type"})
    return made


def _variants_to_name(section: type[Section]) -> Iterator[str]:
    """Records that need their ``type`` written: those that are not the usual one of their place."""
    for field in fields(section).values():
        found = shape(field.annotation)
        for _, variant in found.variants if found.kind == "union" else ():
            if not isinstance(field.default, variant):
                yield variant.__name__
        inner = shape(found.items) if found.kind in _OF_MANY else found
        if inner.section:
            yield from _variants_to_name(inner.section)


def reference() -> str:
    """The page ``docs/lora-yaml.md``: a table a section, the forms of a section one after another."""
    parts = [_INTRODUCTION, "## The top level\n", _table(Project), *_sections(Project, "")]
    return "\n".join(parts).rstrip() + "\n"


def _sections(section: type[Section], prefix: str) -> Iterator[str]:
    for name, field in fields(section).items():
        dotted = f"{prefix}.{name}" if prefix else name
        found = shape(field.annotation)
        inner = shape(found.items) if found.kind in _OF_MANY else found
        dotted += f".{_OF_MANY[found.kind]}" if inner is not found else ""
        if inner.kind == "union":
            yield f"\n## `{dotted}`\n\n{field.description} One of {listed([kind for kind, _ in inner.variants])}.\n"
            yield "\n\n".join(_form(kind, variant, field.default) for kind, variant in inner.variants)
        elif inner.section:
            yield f"\n## `{dotted}`\n\n{_about(inner.section)}\n\n{_table(inner.section)}"
            yield from _sections(inner.section, dotted)


def _form(kind: str, variant: type[Section], default: object) -> str:
    usual = " (what is meant when no type is named)" if isinstance(default, variant) else ""
    return f"### `type: {kind}`{usual}\n\n{_about(variant)}\n\n{_table(variant)}"


def _about(section: type[Section]) -> str:
    return (section.__doc__ or "").strip()


def _table(section: type[Section]) -> str:
    rows = [_row(name, field) for name, field in fields(section).items()]
    return "\n".join([_HEAD, *rows])


def _row(name: str, field: FieldInfo) -> str:
    gear = " ⚙" if is_runtime_only(field) else ""
    meaning = (field.description or "Which form of the section this is.") + gear
    cells = [f"`{name}`", _type(field), _default(field), meaning, f"`{example(name, field)}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(field: FieldInfo) -> str:
    kind = _kind(shape(field.annotation))
    limits = limit(field)
    return f"{kind}, {limits}" if limits else kind


def _kind(found: Shape) -> str:
    if found.kind == "value":
        return {int: "whole number", float: "number", bool: "true or false", str: "text"}[found.value]
    if found.kind == "choice":
        return listed(found.choices)
    if found.kind == "list":
        return f"list of {_kind(shape(found.items))}s"
    if found.kind == "pair":
        return f"list of {found.length} {_kind(shape(found.items))}s"
    if found.kind == "map":
        return f"names, each with a {_kind(shape(found.items))}"
    return "value" if found.kind == "any" else "section"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**must be written**"
    if field.default is None:
        return "–"
    return f"`{inline(bare(field.default))}`" if field.default != "" else '`""`'
