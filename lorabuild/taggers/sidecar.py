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
    from lorabuild.taggers.tagger import Category, Untagged

READS = "side"
READING = 3  # raised when the same text is understood otherwise: 2 cut wildcards (``{red|blue} hat``) at their bars
_GENERAL = ("general", "gen", "artist", "art", "creator", "contributor", "studio", "copyright", "copy", "series")
_OTHER = ("meta", "metadata", "medium", "invalid", "title", "page", "source", "score", "md5", "pool", "parent")
PREFIXES: dict[str, Category] = {
    **dict.fromkeys((*_GENERAL, "species", "lore"), "general"),
    **dict.fromkeys(("character", "char", "person"), "character"),
    "rating": "rating",
    **dict.fromkeys(_OTHER, "other"),
}
"""What booru sites write before tags → the category that it means; of the last two kinds no caption is made."""
_BAR = re.compile(r"\|(?![^{}]*\})")
"""One that isn't inside of braces."""
_PROSE = frozenset(("a", "an", "and", "at", "her", "his", "in", "is", "of", "on", "the", "to", "with"))
"""Words of sentences, and never tags."""
_BOORU = re.compile(rf"\w_\w|^\d\+?(girl|boy|other)s?$|^({'|'.join(PREFIXES)}):", re.IGNORECASE)


def digests(_settings: Sidecar, _site: Site) -> dict[str, Path]:
    """No model files."""
    return {}


def fetch(_settings: Sidecar, _site: Site) -> None:
    """Nothing to download."""


def key_settings(_settings: Sidecar) -> dict[str, Any]:
    """How a text is understood: the text itself is in the key."""
    return {"captions.tagger.reading": READING}


def load(_settings: Sidecar, _site: Site, _threads: int) -> SidecarTagger:
    """Nothing to load."""
    return SidecarTagger()


@dataclass(frozen=True, slots=True)
class SidecarTagger:
    """Reads texts."""

    record: Mapping[str, Any] = field(default_factory=dict)
    batch: int = 64

    def tag(self, images: Sequence[str]) -> list[list[Score] | Untagged]:
        """The tags in each text, score 1, with the category that a prefix gives them."""
        return [[Score(tag, 1.0, category) for tag, category in read(text)] for text in images]


def read(text: str) -> list[tuple[str, Category]]:
    """Each tag once, without its prefix, with its category.

    In ``character:a`` the prefix is that of one tag; followed by a blank it holds for the rest of the line, and on a
    line of its own for the lines below it, up to an empty one.
    """
    found: dict[str, Category] = {}
    plain = re.search(r"[,|]", text) is not None
    standing: Category = "general"
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        head, colon, rest = line.strip().partition(":")
        if not head or (colon and not rest):
            standing = PREFIXES.get(head.strip().lower(), "general")
        of_line = standing
        for tag in parse(line, spaced=not plain and is_spaced(line)):
            prefix, colon, rest = tag.partition(":")
            named = PREFIXES.get(prefix.strip().lower()) if colon else None
            if named and rest[:1] in ("", " "):
                of_line = named
            if word := rest.strip() if named else tag:
                found.setdefault(word, named or of_line)
    return list(found.items())


def is_spaced(line: str) -> bool:
    """Whether blanks part the tags of a line without commas, as on booru sites: some of its words look like tags."""
    words = line.split()
    return len(words) > 1 and any(map(_BOORU.search, words)) and _PROSE.isdisjoint(map(str.lower, words))


def parse(text: str, *, spaced: bool = False) -> list[str]:
    """Tags between commas, line ends or ``|``, each once; in a face (``|_|``) or a wildcard a bar parts nothing."""
    pieces = (piece.strip() for piece in re.split(r"\s" if spaced else r"[,\r\n]", text.removeprefix("\ufeff")))
    tags = (tag.strip() for piece in pieces for tag in (_BAR.split(piece) if _has_letters(piece) else [piece]))
    return list(dict.fromkeys(tag for tag in tags if tag.strip("|")))


def _has_letters(piece: str) -> bool:
    return any(char.isalnum() for char in piece)
