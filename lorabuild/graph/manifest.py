"""``lora.manifest.tsv``: one line an image – path, pixel digest, caption – for git to show."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.graph.members import members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View

MANIFEST = "lora.manifest.tsv"
HEAD = "path\tdigest\tcaption"
PLAIN = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = {ord(char): escaped for escaped, char in PLAIN.items()}


class Row(NamedTuple):
    """One image as it was learned."""

    path: str
    digest: str
    caption: str


def rows(view: View) -> list[Row]:
    """Every image that is prepared and captioned, sorted by path."""
    found = [member for member in members(view) if member.pixels and member.caption is not None]
    return sorted(Row(_named(view, member), member.pixels or "", member.caption or "") for member in found)


def _named(view: View, member: Member) -> str:
    """A path without this machine in it: what lies outside the project begins with the name of its folder."""
    path = PurePosixPath(member.path)
    if not path.is_absolute():
        return member.id
    folder = PurePosixPath(view.site.path(view.project.concepts[member.concept].folder).as_posix())
    below = path.relative_to(folder) if path.is_relative_to(folder) else path.name
    return member.id.replace(member.path, (PurePosixPath(folder.name) / below).as_posix(), 1)


def write_manifest(found: Iterable[Row]) -> bytes:
    """The rows as text; tabs and ends of lines are escaped."""
    lines = [HEAD, *("\t".join(map(_escaped, row)) for row in found)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _escaped(cell: str) -> str:
    return cell.translate(ESCAPES) if SPECIAL.search(cell) else cell


def read_manifest(data: bytes) -> list[Row]:
    """The rows of a manifest; lines that are none are passed over."""
    lines = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    cells = [[_plain(cell) for cell in line.split("\t")] for line in lines if line != HEAD]
    return [Row(*row) for row in cells if len(row) == len(Row._fields)]


def _plain(cell: str) -> str:
    return re.sub(r"\\.", lambda pair: PLAIN.get(pair[0], pair[0]), cell)
