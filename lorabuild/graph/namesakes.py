"""Pictures of one name: ``e.jpg`` and ``e.png`` both read ``e.txt``, as in the trainers; a person may not mean it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph.inventory import endings
from lorabuild.graph.members import members

if TYPE_CHECKING:
    from lorabuild.graph.view import View


def shared_words(view: View) -> list[dict[str, str]]:
    """A warning for each text that several pictures read."""
    paths = {member.path for member in members(view)}
    stems: dict[str, list[str]] = {}
    for path in sorted(paths):
        stems.setdefault(path.rpartition(".")[0], []).append(path)
    if len(stems) == len(paths):
        return []
    return [
        {"code": "shared-words", "item": several[0], "text": f"{' and '.join(several)} share the words in {name}"}
        for stem, several in stems.items()
        for name in _beside(view, stem)
        if len(several) > 1
    ]


def _beside(view: View, stem: str) -> list[str]:
    """The texts that lie beside the pictures of this name."""
    places = (view.site.root / f"{stem}{ending}" for ending in endings(view.site) if ending)
    return [place.name for place in places if place.is_file()]
