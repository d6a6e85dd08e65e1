"""The items of what pictures look like: one a picture, and one of all that stand together in a concept.

No key of a stage knows of them. A picture is named by the digest of its pixels as they lie in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest, make_key
from lorabuild.core.item import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.graph.view import View

STAGE, VERSION = "look", 1  # of one picture
LIKENESS, LIKENESS_VERSION = "likeness", 1  # of several


def likeness(view: View, pixels: Iterable[str]) -> Mapping[str, Any] | None:
    """What is known of these pictures together, see ``looks.known``; None before they were compared."""
    item = together(pixels)
    made = view.store.results([item.key]).get(item.key)
    return made.facts if made else None


def look_item(pixels: str) -> Item:
    """A picture."""
    return _item(STAGE, VERSION, pixels, {"pixels": pixels})


def together(pixels: Iterable[str]) -> Item:
    """Pictures, in whatever order and however often each is named."""
    pictures = digest("\n".join(sorted({*pixels})).encode())
    return _item(LIKENESS, LIKENESS_VERSION, LIKENESS, {"look": VERSION, "pictures": pictures})


def _item(stage: str, version: int, name: str, parts: Mapping[str, Any]) -> Item:
    return Item(name, make_key(stage, version, parts), {"stage version": version, **parts})
