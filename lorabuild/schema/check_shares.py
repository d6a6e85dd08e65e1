"""Concepts that part a folder between them: what one leaves, another may take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lorabuild.core.words import nearest
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.concepts import Concept
    from lorabuild.schema.loaded import Loaded


def shares(loaded: Loaded) -> Iterator[Problem]:
    """Every ``rest_of`` that leads nowhere: to no concept, to another folder, to a concept that leaves nothing."""
    known = loaded.project.concepts
    for name, concept in known.items():
        if concept.rest_of is None:
            continue
        other, where = known.get(concept.rest_of), loaded.place("concepts", name, "rest_of")
        if other is None:
            near = nearest(concept.rest_of, known)
            hint = f"did you mean `{near}`?" if near else "write the name of a concept over the same folder"
            yield Problem(where, f"there is no concept `{concept.rest_of}`", hint)
        elif None in (concept.folder, other.folder) or _place(loaded, concept) != _place(loaded, other):
            what = f"`{name}` and `{concept.rest_of}` are of different folders: neither leaves the other anything"
            yield Problem(where, what, f"write `folder: {other.folder}`, or leave `rest_of` out")
        elif other.share == 1:
            what = f"`{concept.rest_of}` takes all that there is: nothing is left for `{name}`"
            yield Problem(where, what, f"write a `share` below 1 in `{concept.rest_of}`")
        elif _circles(loaded, name):
            yield Problem(where, f"`{name}` waits for what it leaves itself", "leave one `rest_of` out")


def _place(loaded: Loaded, concept: Concept) -> str:
    return os.path.realpath(loaded.site.path(concept.folder or ""))


def _circles(loaded: Loaded, name: str) -> bool:
    """Whether a concept is the rest of itself, over others."""
    seen: set[str] = set()
    here: str | None = name
    while here in loaded.project.concepts and here not in seen:
        seen.add(here)
        here = loaded.project.concepts[here].rest_of
    return here == name
