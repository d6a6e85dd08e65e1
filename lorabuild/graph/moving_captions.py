"""Captions as the standard trainer reads them, and whether a project reads the same ones."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.captions import compose, prune
from lorabuild.captions.human import says
from lorabuild.captions.rules import rules_of
from lorabuild.captions.tags import split
from lorabuild.core.files import read_if_there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lorabuild.schema.picture_folders import Pictures
    from lorabuild.schema.project import Project

HAND = ".txt"
_COMMON = re.compile(
    r"\d+\+?[ _]?(girl|boy|other|man|woman|creature)s?|solo|multiple[ _](girls|boys)|masterpiece|\w+[ _]quality|highres"
    r"|score_\d.*|(a|the|an) .*",
    re.IGNORECASE,
)
"""What many captions begin with, and nobody means as a trigger."""

_LONGEST = 40
_TAG = 6  # words; longer ones are sentences


class Texts(NamedTuple):
    """What the standard trainer reads in a folder: image → caption, and the images that have none of their own."""

    read: dict[Path, str]
    missing: tuple[Path, ...]
    lines: tuple[Path, ...] = ()


class Ways(NamedTuple):
    """The words that the captions of a folder have in common: triggers, class word, and words that each gets."""

    triggers: tuple[str, ...] = ()
    class_: str = ""
    add: tuple[str, ...] = ()


def texts(pictures: Pictures, ending: str, *, wildcards: bool = False) -> Texts:
    """The first line of the file beside each image, or every line with wildcards; else the folder's class words."""
    read, missing, several = {}, [], []
    for image in pictures.files:
        data = read_if_there(image.with_suffix(ending))
        lines = re.split("\r\n|\r|\n", (data or b"").decode("utf-8-sig", "replace"))
        full = [line.strip() for line in lines if line.strip()]
        if data is None:
            missing.append(image)
        elif len(full) > 1 and not wildcards:
            several.append(image)
        own = "\n".join(full) if wildcards else next((line.strip() for line in lines[:1]), "")
        read[image] = pictures.tokens if data is None else own
    return Texts(read, tuple(missing), tuple(several))


def ways(pictures: Pictures, found: Texts) -> Ways:
    """Which words can be triggers without changing a caption: what every caption says, or what stands for them all."""
    own = [text for image, text in found.read.items() if image not in found.missing]
    pieces = split(pictures.tokens)
    first, _, class_ = (pieces or [""])[0].partition(" ")
    if not own:
        return Ways((pieces[0],), class_, tuple(pieces[1:])) if pieces else Ways()
    if class_ and all(split(text)[:1] == pieces[:1] for text in own):
        return Ways((pieces[0],), class_)
    if first and all(says(text, first) for text in own):
        return Ways((first,), class_ or ", ".join(pieces[1:]))
    if len(own) < 2:
        return Ways()
    alike = [set(pieces) for pieces in zip(*map(split, own), strict=False)]
    front = [next(iter(pieces)) for pieces in takewhile(lambda pieces: len(pieces) == 1, alike)]
    if not pictures.keep:  # nobody says that the first tags are special: one that is one word is, as a rule
        front = [piece for piece in front[:1] if " " not in piece]
    fits = takewhile(_may_be_trigger, front[: max(1, pictures.keep)])
    return Ways(tuple(dict.fromkeys(fits)), class_)


def _may_be_trigger(piece: str) -> bool:
    return len(piece) <= _LONGEST and not _COMMON.fullmatch(piece)


def ours(project: Project, concept: str, image: Path, written: str | None = None) -> str:
    """The caption that a project with side files gives an image; ``written`` is a text that will lie beside it."""
    from lorabuild.taggers.sidecar import read

    ending = getattr(project.captions.tagger, "extension", HAND)
    tags = _text(image.with_suffix(ending))
    hand = written if written is not None or ending == HAND else _text(image.with_suffix(HAND))
    scores = [(tag, 1.0, category) for tag, category in read(tags or "")]
    said = project.concepts[concept]
    rules = rules_of(project.captions, [said.captions] if said.captions else [])
    absorbers = prune.absorbers(project.triggers, said.triggers)
    return compose.caption(scores, rules, absorbers, hand, lines=project.training.wildcards).text


def _text(file: Path) -> str | None:
    data = read_if_there(file)
    return None if data is None else data.decode("utf-8-sig", "replace")


def different(project: Project, read: Mapping[str, Texts], *, copied: bool = False) -> list[Path]:
    """The images whose captions are other words than the standard trainer reads; blanks around commas are none.

    ``copied``: what that trainer reads will lie beside each image.
    """
    return [
        image
        for concept, found in read.items()
        for image, text in found.read.items()
        if _words(ours(project, concept, image, text if copied else None)) != _words(text)
    ]


def _words(text: str) -> list[list[str]]:
    return [split(line) for line in text.split("\n")]


def blanks(found: Texts) -> list[Path]:
    """The images whose texts are tags with blanks between them, as downloaders write: ``1girl long_hair blue_eyes``."""
    own = ((image, text.split()) for image, text in found.read.items() if "," not in text)
    tags = [image for image, words in own if len(words) > 2 and sum("_" in word for word in words) > 1]
    return [image for image in tags if image not in found.missing]


def prose(texts_: Sequence[str]) -> bool:
    """Whether these are sentences rather than tags: half of them or more have long pieces between their commas."""
    long = [text for text in texts_ if any(len(re.split(r"[ _]", piece)) > _TAG for piece in split(text))]
    return bool(texts_) and len(long) * 2 >= len(texts_)


def common(found: Sequence[str]) -> str:
    """``a.png``, ``a.png and b.png``, ``a.png, b.png and 4 more``."""
    if len(found) < 3:
        return " and ".join(found)
    return f"{', '.join(found[:2])} and {len(found) - 2} more"
