"""A project as it was written: its settings, its folder, and the place of every word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lorabuild.schema.document import Document
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

FILE = "lora.yaml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project as it was written.

    Attributes:
        project: its settings.
        site: the settings together with the project folder.
        document: gives the text's words and their places; asked only when something is to be said of one.
        text: the bytes of lora.yaml that say all of it; empty where the command line said something, too.
        variants: name → the project as it is for that variant.
    """

    project: Project
    site: Site
    document: Callable[[], Document]
    text: bytes = b""
    variants: Mapping[str, Loaded] = field(default_factory=dict)

    def where(self, dotted: str) -> str:
        """``lora.yaml:12:5 training.loss``: the place of a word, or of the section where it would stand."""
        return self.document().where(tuple(dotted.split(".")))

    def place(self, *trail: str) -> str:
        """The same for words in which a dot may stand: ``place("triggers", "v1.5")``."""
        return self.document().where(trail)
