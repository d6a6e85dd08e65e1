"""What lorabuild asks of the libraries around it, and what is installed."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.record import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "lorabuild"
SOURCE = Path(__file__).parents[2] / "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A library: its name, the versions that are asked for, the one that is here (None: none), the extra it is for."""

    name: str
    asked: str
    installed: str | None
    extra: str = ""

    @property
    def fits(self) -> bool:
        """Whether the installed version is one that is asked for."""
        from packaging.specifiers import SpecifierSet

        return self.installed is not None and SpecifierSet(self.asked).contains(self.installed, prereleases=True)


def wanted(source: Path = SOURCE) -> list[Wanted]:
    """The libraries in the order of their names, those without an extra first."""
    found = [one for text in (_of_source(source) or _of_install()) if (one := _read(text))]
    return sorted(found, key=lambda one: (one.extra, one.name))


def _of_source(source: Path) -> list[str]:
    """What a working copy asks for: what was installed of it may be older."""
    with suppress(OSError, tomllib.TOMLDecodeError):
        project = tomllib.loads(source.read_text("utf-8")).get("project", {})
        if project.get("name") == NAME:
            return [*project.get("dependencies", ()), *_extras(project.get("optional-dependencies", {}))]
    return []


def _extras(extras: dict[str, Iterable[str]]) -> Iterator[str]:
    for extra, texts in extras.items():
        yield from (f"{text} ; extra == '{extra}'" for text in texts)


def _of_install() -> list[str]:
    from importlib.metadata import PackageNotFoundError, requires

    with suppress(PackageNotFoundError):
        return requires(NAME) or []
    return []


def _read(text: str) -> Wanted | None:
    """A requirement; None for one of another system, and for what only developers need."""
    from packaging.requirements import Requirement

    one = Requirement(text)
    named = re.search(r"extra == [\"'](\w+)[\"']", str(one.marker))
    extra = named[1] if named else ""
    if extra == "dev" or (one.marker and not one.marker.evaluate({"extra": extra})):
        return None
    return Wanted(one.name, str(one.specifier), version(one.name), extra)
