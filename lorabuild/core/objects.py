"""Objects: bytes under names, in a folder or far away. It is all that is asked of a place where results are shared."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lorabuild.core.files import write_atomic
from lorabuild.core.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of an object."""

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind them."""
        return self.start + self.size


class Objects(Protocol):
    """A place that keeps objects. Whatever goes wrong there is raised, as any exception."""

    def names(self, prefix: str) -> Mapping[str, int]:
        """Name → size of the objects in a folder of the place; none where there is no such folder."""
        ...

    def read(self, spans: Sequence[Span]) -> list[bytes | None]:
        """The bytes of each span, all asked for at once; None where there is no such object."""
        ...

    def size(self, name: str) -> int | None:
        """How large an object is; None where there is none."""
        ...

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Make an object; one that is there already is left alone, unless it is to be replaced."""
        ...


class FolderObjects:
    """Objects as files below a folder: another disk, a share, the cache folder. They appear whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self, prefix: str) -> Mapping[str, int]:
        """Name → size of the objects in a folder of the place."""
        try:
            with os.scandir(self.folder / prefix) as listing:
                return {f"{prefix}/{entry.name}": entry.stat().st_size for entry in listing if entry.name[:1] != "."}
        except FileNotFoundError:
            return {}

    def read(self, spans: Sequence[Span]) -> list[bytes | None]:
        """The bytes of each span."""
        return [self._span(span) for span in spans]

    def size(self, name: str) -> int | None:
        """How large an object is."""
        with suppress(FileNotFoundError):
            return (self.folder / name).stat().st_size
        return None

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Make an object."""
        path = self.folder / name
        if replace or not path.exists():
            with trouble("write", path):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)

    def _span(self, span: Span) -> bytes | None:
        with suppress(FileNotFoundError), (self.folder / span.name).open("rb") as opened:
            opened.seek(span.start)
            return opened.read(span.size)
        return None
