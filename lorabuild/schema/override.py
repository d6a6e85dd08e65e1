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
    around = _section(document, trail, source)
    if around is not None:
        around[trail[-1]] = value.data
        _move(document, trail, source, text.strip())


def _section(document: Document, trail: tuple[str, ...], source: str) -> dict[str, Any] | None:
    """The mapping in which the last word is set; sections on the way are copied, since anchors may share them."""
    here: dict[str, Any] = document.data
    for position, word in enumerate(trail[:-1]):
        inside = here.get(word)
        if inside is not None and not isinstance(inside, dict):
            here_dotted = ".".join(trail[: position + 1])
            what = f"`{here_dotted}` is no section, so there is no `{trail[position + 1]}` in it"
            document.blame(trail, Place(source), what, f"set it as a whole: --set {here_dotted}=…")
            return None
        here[word] = dict(inside or {})
        document.places.setdefault(trail[: position + 1], Place(source))
        here = here[word]
    return here


def _move(document: Document, trail: tuple[str, ...], source: str, raw: str) -> None:
    """What stood at the word in the file stands there no longer."""
    for old in [known for known in document.places if known[: len(trail)] == trail]:
        del document.places[old]
    document.places[trail] = Place(source, raw=raw)
