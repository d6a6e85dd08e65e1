"""The checked settings in plain form, kept beside the store: while lora.yaml has not changed, pydantic isn't needed.

Importing pydantic and checking a lora.yaml costs more than planning ten thousand images. What is kept is only used for
the very bytes that it was made from, by the same lorabuild; whatever is unclear means that there is nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from lorabuild.core.digest import digest
from lorabuild.core.errors import StoreError
from lorabuild.core.files import write_atomic
from lorabuild.core.nullcheck import pack, unpack
from lorabuild.core.nullindex import code
from lorabuild.schema.loaded import Loaded
from lorabuild.schema.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from lorabuild.schema.document import Document
    from lorabuild.schema.project import Project

PLACE = ".lorabuild/settings.idx"


class Kept:
    """A section of lora.yaml that was read and checked before: the names and values of the real one."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update({name: _woken(value) for name, value in values.items()})

    def model_dump(
        self, *, mode: str = "python", by_alias: bool = False, exclude: Collection[str] = ()
    ) -> dict[str, Any]:
        """The section as plain data, as pydantic gives it."""
        named = {name: value for name, value in self.__dict__.items() if name not in exclude}
        return {name.rstrip("_") if by_alias else name: _dumped(value, mode, by_alias) for name, value in named.items()}

    def model_copy(self, *, update: Mapping[str, Any]) -> Kept:
        """The section with other values, as pydantic makes it."""
        made = Kept({})
        made.__dict__.update(self.__dict__ | dict(update))
        return made


def keep(loaded: Loaded) -> None:
    """Keep settings that were found to be right, unless the command line said some of them, or it can't be done."""
    if loaded.text and not isinstance(loaded.project, Kept):
        variants = [(name, _plain(one.project), one.site.consumed()) for name, one in loaded.variants.items()]
        made = _about(loaded.text), _plain(loaded.project), loaded.site.consumed(), variants
        with suppress(StoreError):
            write_atomic(loaded.site.root / PLACE, pack(made))


def kept(file: Path) -> Loaded | None:
    """The settings kept for a lora.yaml as it is now; None when there are none."""
    root = file.absolute().parent
    try:
        text = file.read_bytes()
        about, settings, words, variants = unpack((root / PLACE).read_bytes())
        if about != _about(text):
            return None
        document = cache(partial(_document, text, file.name))
        loaded = _loaded(settings, words, root, document)
        others = {
            name: _loaded(said, known, root, cache(partial(_variant, document, name))) for name, said, known in variants
        }
    except (OSError, ValueError, TypeError, EOFError):
        return None
    return replace(loaded, text=text, variants=others)


def _loaded(settings: Any, words: dict[str, Any], root: Path, document: Callable[[], Document]) -> Loaded:
    project = cast("Project", _woken(settings))
    return Loaded(project, Site(project, root, words), document)


def _about(text: bytes) -> tuple[str, str]:
    """What the kept settings depend on: the text, and the code that read it."""
    return digest(text), code()


def _document(text: bytes, name: str) -> Document:
    from lorabuild.schema.document import read

    return read(text.decode("utf-8-sig"), name)


def _variant(document: Callable[[], Document], name: str) -> Document:
    from lorabuild.schema.variants import documents

    return dict(documents(document()))[name]


def _plain(value: Any) -> Any:
    """Plain data that tells a section (a list with a dict in it) from a map of a person's own words."""
    from lorabuild.schema.section import Section

    if isinstance(value, Section):
        return [{name: _plain(getattr(value, name)) for name in type(value).model_fields}]
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return tuple(_plain(entry) for entry in value) if isinstance(value, tuple) else value


def _woken(value: Any) -> Any:
    if isinstance(value, list):
        return Kept(value[0])
    if isinstance(value, dict):
        return {name: _woken(entry) for name, entry in value.items()}
    return tuple(_woken(entry) for entry in value) if isinstance(value, tuple) else value


def _dumped(value: Any, mode: str, by_alias: bool) -> Any:
    if isinstance(value, Kept):
        return value.model_dump(mode=mode, by_alias=by_alias)
    if isinstance(value, dict):
        return {name: _dumped(entry, mode, by_alias) for name, entry in value.items()}
    if isinstance(value, tuple):
        entries = [_dumped(entry, mode, by_alias) for entry in value]
        return entries if mode == "json" else tuple(entries)
    return value
