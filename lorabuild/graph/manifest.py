"""``lora.manifest.tsv``: one line an image – path, pixel digest, caption – for git to show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.graph.members import members
from lorabuild.graph.mirror import named

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
    return named(view.site, member.id, member.concept, member.path)


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
