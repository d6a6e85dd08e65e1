"""One image file, with what lies beside it and is read with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image file.

    Attributes:
        path: relative to the project folder, with ``/``; absolute when it lies outside; what a source calls it.
        absolute: where it is.
        digest: of its bytes; None when it can't be read.
        tags, tags_digest: the side file that a side-file tagger reads.
        text, text_digest: the caption that a person wrote beside it.
        mask, mask_digest: what of it is learned, where masks lie beside the images.
        problem: why it can't be read.
        sides: word of a step → the file beside it that the step reads, and its digest.
        part: which of the pictures that it gives; empty where it gives one. It stands behind ``path``.
        steps: what is done to it: for its key, and for the stage that does it.
    """

    path: str
    absolute: Path
    digest: str | None
    tags: Path | None = None
    tags_digest: str | None = None
    text: Path | None = None
    text_digest: str | None = None
    mask: Path | None = None
    mask_digest: str | None = None
    problem: str | None = None
    sides: Mapping[str, tuple[Path, str]] = field(default_factory=dict)
    part: str = ""
    steps: tuple[dict[str, Any], dict[str, Any]] | None = None

    @property
    def source(self) -> str:
        """The path without the part."""
        return self.path.removesuffix(f" [{self.part}]") if self.part else self.path
