"""Whether a place is free for a file that a command writes: nothing of a person's is written over unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path


def free(path: Path, *, replace: bool) -> None:
    """Raise ``ProjectError`` for a folder, and for a file that is there already and was not said to be replaced."""
    if path.is_dir():
        raise ProjectError(f"`{path}` is a folder", where="command line", next_step="name a file")
    if path.exists() and not replace:
        what, step = f"`{path}` is there already", "name another file, or say `--replace`"
        raise ProjectError(what, where="command line", next_step=step)
