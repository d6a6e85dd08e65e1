"""Tags from a text file beside each image, in the order of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.taggers.tagger import Score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Sidecar
    from lorabuild.taggers.tagger import Untagged

READS = "side"


def digests(_settings: Sidecar, _site: Site) -> dict[str, Path]:
    """No model files."""
    return {}


def fetch(_settings: Sidecar, _site: Site) -> None:
    """Nothing to download."""


def key_settings(_settings: Sidecar) -> dict[str, Any]:
    """Nothing: the text itself is in the key."""
    return {}


def load(_settings: Sidecar, _site: Site, _threads: int) -> SidecarTagger:
    """Nothing to load."""
    return SidecarTagger()


@dataclass(frozen=True, slots=True)
class SidecarTagger:
    """Reads texts."""

    record: Mapping[str, Any] = field(default_factory=dict)
    batch: int = 64

    def tag(self, images: Sequence[str]) -> list[list[Score] | Untagged]:
        """The tags in each text, score 1."""
        return [[Score(tag, 1.0, "general") for tag in parse(text)] for text in images]


def parse(text: str) -> list[str]:
    """Tags between commas, line ends or ``|``, without repetition; ``|`` inside a face (``|_|``) is part of it."""
    pieces = (piece.strip() for piece in re.split(r"[,\r\n]", text.removeprefix("\ufeff")))
    tags = (tag.strip() for piece in pieces for tag in (piece.split("|") if _has_letters(piece) else [piece]))
    return list(dict.fromkeys(tag for tag in tags if tag.strip("|")))


def _has_letters(piece: str) -> bool:
    return any(char.isalnum() for char in piece)
