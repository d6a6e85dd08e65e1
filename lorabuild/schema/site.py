"""Where a project lives on this machine: its settings together with its root folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorabuild.schema.project import Project


@dataclass(frozen=True, slots=True)
class Site:
    """A project and the folder that its relative paths start from."""

    project: Project
    root: Path

    def path(self, text: str) -> Path:
        """An absolute path for a path in lora.yaml (``~`` is the home folder)."""
        return (self.root / Path(text).expanduser()).absolute()
