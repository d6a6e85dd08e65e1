"""Rules for some images: those of the project, of the image's concept, and of the paths that match, in this order."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lorabuild.schema.caption_rules import CaptionRules
    from lorabuild.schema.project import Project

T = TypeVar("T")
_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def for_images(project: Project, make: Callable[[Sequence[CaptionRules]], T]) -> Callable[[str, str], T]:
    """A question for an image, by concept and path: what ``make`` makes of its levels below the project's.

    Images with the same rules get the same answer, which is made once.
    """
    asked = [matching(rule.match) for rule in project.captions.for_]
    known: dict[tuple[str, tuple[int, ...]], T] = {}

    def answer(concept: str, path: str) -> T:
        hits = tuple(place for place, matches in enumerate(asked) if matches(path))
        if (concept, hits) not in known:
            known[concept, hits] = make(_levels(project, concept, hits))
        return known[concept, hits]

    return answer


def _levels(project: Project, concept: str, hits: Sequence[int]) -> list[CaptionRules]:
    own = project.concepts[concept].captions if concept in project.concepts else None
    return [*([own] if own else []), *(project.captions.for_[place] for place in hits)]


def by_frequency(project: Project) -> bool:
    """Whether some caption depends on all the others: its tags stand in the order of how many images have them."""
    more = (*(concept.captions for concept in project.concepts.values()), *project.captions.for_)
    return "frequency" in (project.captions.order, *(level.order for level in more if level))


@lru_cache(maxsize=64)
def matching(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """A question for a path with ``/``: does one of the globs match it? ``**/`` stands for any folders, or none."""
    found = re.compile("|".join(map(_pattern, globs)), re.DOTALL).fullmatch
    return lambda path: found(path) is not None


def _pattern(glob: str) -> str:
    """A glob as a regular expression; ``[abc]`` and ``[!a-z]`` are sets of letters."""
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", glob.removeprefix("./"), re.DOTALL)
    return "".join(_WILD.get(part) or (_letter(part) if part[1:] else re.escape(part)) for part in parts)


def _letter(part: str) -> str:
    """One letter out of a set, as a shell reads it."""
    return f"(?!/){translate(part)[:-2]}"  # without the end of the text
