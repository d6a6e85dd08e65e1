"""``variants:`` other LoRAs from the same images: the project once more, with some words said otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.schema.document import Document
from lorabuild.schema.override import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.document import Trail

WORD = "variants"
NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
OF_ALL = ("name", WORD, "kind", "store", "device")
"""What is said once for the whole project."""


def documents(document: Document) -> Iterator[tuple[str, Document]]:
    """Each variant's name, and the project as it would be written for it alone; its words keep their places.

    What is wrong with a variant's name or with the word that it changes is among its document's problems.
    """
    written = document.data.get(WORD) if isinstance(document.data, dict) else None
    seen: dict[str, str] = {}
    for name, words in written.items() if isinstance(written, dict) else ():
        made = variant(document, name, words if isinstance(words, dict) else {})
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            what = f"`{name}` and `{twin}` differ in capitals only: on some disks their files would be one"
            made.blame((WORD, name), document.place((WORD, name)), what, "rename one of them")
        yield name, made


def variant(document: Document, name: str, words: dict[str, Any]) -> Document:
    """One variant's document."""
    data = {word: value for word, value in document.data.items() if word != WORD}
    made = Document(document.source, data, dict(document.places))
    if NAMES.fullmatch(name):
        made.data["name"] = f"{data.get('name')}-{name}"
    else:
        what = f"`{name}` can't name a variant: its files are called after it"
        made.blame((WORD, name), document.place((WORD, name)), what, "use letters, digits, `_` and `-`")
    for dotted, value in words.items():
        trail, said = tuple(str(dotted).split(".")), (WORD, name, dotted)
        place = document.place(said)
        if trail[0] in OF_ALL or not all(trail):
            made.blame(said, place, f"`{trail[0]}` is said once for the whole project", "take it out of the variant")
            continue
        put(made, trail, value, place)
        _bring(document, made, said, trail)
    return made


def _bring(document: Document, made: Document, said: Trail, trail: Trail) -> None:
    """The places of the words inside a value that is a section."""
    inside = {known: place for known, place in document.places.items() if known[: len(said)] == said != known}
    made.places.update({(*trail, *known[len(said) :]): replace(place) for known, place in inside.items()})
