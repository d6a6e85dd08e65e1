"""lora.yaml is written anew: the loader proves the text, the old bytes are kept, then the file is replaced whole."""

from __future__ import annotations

import codecs
from itertools import count
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import read_if_there, write_atomic
from lorabuild.schema.check import check
from lorabuild.schema.load import parse

if TYPE_CHECKING:
    from pathlib import Path


def prove(file: Path, text: str) -> None:
    """Whether a project could be opened with this text. Raises ProblemsError that says what is wrong with it."""
    check(parse(text, file.absolute().parent, file.name))


def save(file: Path, before: bytes, text: str) -> Path:
    """Replace a lora.yaml; returns where its old bytes are kept.

    Args:
        file: the lora.yaml; a link stays a link, its target is replaced.
        before: the bytes that the new text was made from.
        text: what it says from now on; a byte order mark stays.

    Raises:
        ProjectError: the text doesn't load, or the file was changed meanwhile; nothing was written.
        StoreError: it can't be written; the file is as it was.
    """
    prove(file, text)
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    backup = _kept(file, before)
    if read_if_there(file) != before:
        raise ProjectError(f"{file.name} was changed meanwhile", where=str(file), next_step="run the command again")
    write_atomic(file.resolve(), mark + text.encode("utf-8"))
    return backup


def _kept(file: Path, data: bytes) -> Path:
    """The copy of these bytes: ``lora.yaml.bak``, or with the first number that is free. No other copy is touched."""
    for number in count():
        backup = file.with_name(f"{file.name}.bak{number or ''}")
        held = read_if_there(backup)
        if held == data:
            return backup
        if held is None and not backup.is_symlink() and not backup.exists():
            write_atomic(backup, data)
            return backup
    raise AssertionError
