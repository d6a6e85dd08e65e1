"""What taggers can't be asked together, and what one alone can't be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.parts import parts, prefix
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.project import Project


def taggers(loaded: Loaded) -> Iterator[Problem]:
    """Answers that would be longer than they may or in no caption, and several taggers that read side files."""
    tagger, readers = loaded.project.captions.tagger, 0
    for place, part in enumerate(parts(tagger)):
        where = ("captions", "tagger", *(("of", str(place)) if prefix(tagger, place) else ()))
        readers += part.type == "sidecar"
        if part.type == "prose" and part.min_tokens > part.max_tokens:
            what = f"an answer can't have at least {part.min_tokens} tokens and at most {part.max_tokens}"
            yield Problem(loaded.place(*where, "min_tokens"), what, f"write `max_tokens: {part.min_tokens}` or more")
        if part.type == "sidecar" and readers > 1:
            what = "two taggers read files beside the images, and one file holds all tags of an image"
            yield Problem(loaded.place(*where, "type"), what, "keep one of them")
    if all(part.type == "prose" for part in parts(tagger)) and not _reads_sentences(loaded.project):
        what = "nothing but sentences is asked for, and no caption takes them: `captions.style` is `tags`"
        yield Problem(loaded.place("captions", "tagger"), what, "write `style: prose` beside `tagger`")


def _reads_sentences(project: Project) -> bool:
    """Whether some caption is made of them."""
    more = (*(concept.captions for concept in project.concepts.values()), *project.captions.for_)
    return any(level and level.style in {"prose", "tags+prose"} for level in (project.captions, *more))
