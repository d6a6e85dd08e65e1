"""``--set a.b=c``: one word of lora.yaml, said on the command line, with the same answers to mistakes."""

from __future__ import annotations

from typing import Any

from lorabuild.schema.document import Document, Place, read


def apply(document: Document, override: str) -> None:
    """Set one word in a document, making the sections around it; a mistake becomes one of its problems.

    Args:
        document: a document whose data is a mapping; its data is changed.
        override: ``training.optimizer.lr=1e-4``; the value is YAML.
    """
    source = f"--set {override}"
    dotted, equals, text = override.partition("=")
    trail = tuple(word.strip() for word in dotted.split("."))
    if not equals or not all(trail):
        document.blame((), Place(source), "this sets nothing", "write --set word=value, like --set training.batch=2")
        return
    value = read(text, source)
    if value.problems:
        _, _, problem = value.problems[0]
        document.blame(trail, Place(source), f"the value can't be read: {problem.what}", problem.next_step)
        return
    raw = None if isinstance(value.data, dict | list) else text.strip()
    put(document, trail, value.data, Place(source, raw=raw))


def put(document: Document, trail: tuple[str, ...], value: Any, place: Place) -> None:
    """Set one word in a document to a value that was said elsewhere."""
    around = _section(document, trail, place)
    if around is not None:
        around[int(trail[-1]) if isinstance(around, list) else trail[-1]] = value
        _move(document, trail, place)


def _section(document: Document, trail: tuple[str, ...], place: Place) -> Any:
    """The mapping or list in which the last word is set; what is on the way is copied, since anchors may share it."""
    here: Any = document.data
    for position, word in enumerate(trail[:-1]):
        inside = here[int(word)] if isinstance(here, list) else here.get(word)
        if inside is not None and not _holds(inside, trail[position + 1]):
            here_dotted = ".".join(trail[: position + 1])
            what = f"`{here_dotted}` is no section, so there is no `{trail[position + 1]}` in it"
            how = "" if place.line else f": --set {here_dotted}=…"
            document.blame(trail, place, what, f"set it as a whole{how}")
            return None
        copied = list(inside) if isinstance(inside, list) else dict(inside or {})
        here[int(word) if isinstance(here, list) else word] = copied
        document.places.setdefault(trail[: position + 1], place)
        here = copied
    return here


def _holds(inside: Any, word: str) -> bool:
    """Whether a word can stand in something: any in a section, in a list the number of an entry, from 0."""
    return isinstance(inside, dict) or (isinstance(inside, list) and word.isdecimal() and int(word) < len(inside))


def _move(document: Document, trail: tuple[str, ...], place: Place) -> None:
    """What stood at the word in the file stands there no longer."""
    for old in [known for known in document.places if known[: len(trail)] == trail]:
        del document.places[old]
    document.places[trail] = place
