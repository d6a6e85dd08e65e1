"""Where a project lives on this machine: its settings together with its root folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.launch import ALONE, Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.project import Project


@dataclass(frozen=True, slots=True)
class Site:
    """A project and the folder that its relative paths start from.

    Attributes:
        project: the settings.
        root: the project's folder.
        words: the settings that go into keys, by dotted name; None works them out when they are asked for.
        launch: the place of this process among those that train together; part of no key.
    """

    project: Project
    root: Path
    words: Mapping[str, Any] | None = None
    launch: Launch = ALONE

    def path(self, text: str) -> Path:
        """An absolute path for a path in lora.yaml (``~`` is the home folder)."""
        return (self.root / Path(text).expanduser()).absolute()

    def consumed(self, place: str = "") -> dict[str, Any]:
        """The settings of a section, or all, that go into keys: ``{"training.optimizer.lr": 0.0001, …}``."""
        words = self.words
        if words is None:
            from lorabuild.schema.consumed import consumed

            words = consumed(self.project, "")
        return {name: value for name, value in words.items() if not place or name.startswith(f"{place}.")}
