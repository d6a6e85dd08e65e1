"""What the triggers' words say to the base and to the dataset before any training; words that are still free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.balance.algebra import Finding
from lorabuild.captions.lexicon import Lexicon, free, opened, spaced, within
from lorabuild.captions.tags import spelling_key
from lorabuild.graph.members import every_tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lorabuild.graph.view import View

CODE = "contaminated-word"
DESCRIBING = "outfit"  # the kind whose word may describe what it stands for
LOUD = 0.5  # from here on the base answers a word as if it knew it


def findings(view: View, *, probe: bool = False) -> list[Finding]:
    """What a trigger's word means already, trigger by trigger. A finding without a remedy is only a note.

    With ``probe`` the base is asked too, which takes a while the first time.
    """
    return findings_with(view, _probed(view) if probe else {})


def findings_with(view: View, answers: Mapping[str, float]) -> list[Finding]:
    """The same with what the base is known to answer: trigger → 0 as to nonsense, 1 as to a plain word."""
    lexicon, tags, triggers = lexicon_of(view), _tags(view), view.project.triggers
    found: list[Finding] = []
    for name, trigger in triggers.items():
        found += _spelt(name, lexicon, describing=trigger.kind == DESCRIBING)
        found += _met(name, sorted(tags - {spelling_key(other) for other in triggers if other != name}))
        found += _loud(name, answers.get(name, 0.0), describing=trigger.kind == DESCRIBING)
    return found


def suggest(view: View, word: str) -> list[str]:
    """The word, if it is free, or free words near it."""
    others = {name for name in view.project.triggers if not within(word, name)}
    return free(lexicon_of(view), word, {*_tags(view), *others})


def lexicon_of(view: View) -> Lexicon:
    """The base's own tokenizers. Raises ``ProjectError``."""
    parts = view.inventory.base.files.items()
    return view.derived("lexicon", lambda _: opened(files for part, files in parts if part.startswith("tokenizer")))


def answered(view: View) -> tuple[str, ...]:
    """What the base answers to every trigger, and where its pictures lie; asks it where that wasn't done yet."""
    told = ", ".join(f"{name} {answer:.2f}" for name, answer in _probed(view).items())
    if not told:
        return ()
    from lorabuild.graph.probe import laid_out

    folder = laid_out(view).relative_to(view.site.root).as_posix()
    pictures = f"what it draws lies in {folder}/: above without a word, below with the trigger alone"
    return (f"the base answers {told} (0: as little as nonsense, 1: as much as a plain word)", pictures)


def _probed(view: View) -> dict[str, float]:
    from lorabuild.graph.probe import answers

    return view.derived("answers of the base", lambda view: answers(view, lexicon_of(view)))


def _tags(view: View) -> set[str]:
    """The dataset's tags, each in one spelling."""
    return {spelling_key(tag) for tag in every_tag(view)}


def _spelt(name: str, lexicon: Lexicon, *, describing: bool) -> Iterator[Finding]:
    known = lexicon.read(name).known
    if not known:
        return
    read = f"the base reads `{name}` as `{spaced(name)}`" if spaced(name) != name else f"the base reads `{name}`"
    words = _listed(known)
    if describing:
        text = f"{read} and knows {words}: a help where the outfit looks so, else in the way"
        yield Finding(name, CODE, known, text, "")
    else:
        text = f"{read} and knows {words}: what it means by that mixes with what is to be learned"
        yield Finding(name, CODE, known, text, f"take a free word: `lorabuild triggers suggest {name}`")


def _met(name: str, tags: list[str]) -> Iterator[Finding]:
    met = tuple(tag for tag in tags if within(name, tag))
    if met:
        text = f"`{name}` stands in the dataset as a tag ({_listed(met)}) where it isn't the trigger"
        yield Finding(name, CODE, met, text, "rename the trigger, drop the tag, or add the trigger to those concepts")


def _loud(name: str, answer: float, *, describing: bool) -> Iterator[Finding]:
    if answer >= LOUD:
        text = f"the base answers `{name}` at {answer:.2f}, where nonsense has 0 and a plain word 1"
        remedy = "" if describing else f"take a free word: `lorabuild triggers suggest {name}`"
        yield Finding(name, CODE, (), text, remedy)


def _listed(words: tuple[str, ...], most: int = 5) -> str:
    shown = ", ".join(f"`{word}`" for word in words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
