"""Whether a trigger has images enough and is seen often enough. Every bound is a rule of thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.balance import recipes, remedies
from lorabuild.balance.algebra import Finding
from lorabuild.balance.lint import LEAST_IMAGES, LEAST_OF_A_SUBJECT
from lorabuild.balance.sets import listed, percent, pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.balance.algebra import Asked, Word
    from lorabuild.balance.sets import Sets

GOOD, GOOD_OF_AN_OUTFIT, IN_A_PACK = 30, 20, 50  # images of a subject, of a complex outfit, of each character of a pack
COMPLEX = 5  # tags that an outfit absorbs
LEAST_LOOKS = 1500  # image steps in all, of a subject
BESIDE = ("outfit", "object", "pose", "situation")
MORE = "Crops of them count too: full body, cowboy shot, upper body, portrait."


def images(sets: Sets, trigger: str) -> Iterator[Finding]:
    """Images of a trigger; of a pack's character those that show it without the others."""
    own, word = sets.of(trigger), sets.words[trigger]
    number, least = sets.images(own), LEAST_IMAGES.get(word.kind, LEAST_OF_A_SUBJECT)
    others, good = _others(sets, trigger), _good(sets, word)
    apart = sets.images(place for place in own if not {*sets.cells[place].source.triggers} & {*others})
    if not number:
        text, advice = f"No image shows {trigger}, so it learns nothing.", "Name it in a concept, or remove it."
        yield Finding(trigger, "too-few-images", (), text, advice)
    elif number < least:
        more = f", {good} are good" if good > least else ""
        text = f"{pictures(number)} of {trigger}: fewer than {least} rarely teach it well{more}."
        yield _few(trigger, (), text, good - number)
    elif others and apart < IN_A_PACK:
        text = (
            f"{pictures(apart)} of {trigger} without {listed(others)}: characters that are learned together need about "
            f"{IN_A_PACK} each, to stay apart."
        )
        yield _few(trigger, (), text, IN_A_PACK - apart)
    elif not others and number < good:
        text = f"{pictures(number)} of {trigger} can teach it; about {good} make it flexible."
        yield _few(trigger, (), text, good - number)
    yield from _joint(sets, trigger, others)


def _few(trigger: str, others: tuple[str, ...], text: str, more: int) -> Finding:
    where = f" that show {listed((trigger, *others))} together" if others else ""
    return Finding(trigger, "too-few-images", others, text, f"Add about {pictures(more)}{where}. {MORE}")


def _others(sets: Sets, trigger: str) -> tuple[str, ...]:
    """The other characters of a pack, if it is one; what always stands with it is no other."""
    if sets.words[trigger].kind != "character":
        return ()
    own = sets.of(trigger)
    return tuple(
        name
        for name, word in sets.words.items()
        if word.kind == "character" and sets.of(name) not in (own, frozenset())
    )


def _joint(sets: Sets, trigger: str, others: tuple[str, ...]) -> Iterator[Finding]:
    """Characters that are shown together, told at the first of them."""
    names = list(sets.words)
    for other in others:
        both = sets.images(sets.of(trigger) & sets.of(other))
        if 0 < both < IN_A_PACK and names.index(trigger) < names.index(other):
            text = f"{pictures(both)} of {trigger} and {other} together: about {IN_A_PACK} teach two in one picture."
            yield _few(trigger, (other,), text, IN_A_PACK - both)


def _good(sets: Sets, word: Word) -> int:
    """The number of images that makes a trigger flexible."""
    if word.kind != "outfit":
        return GOOD
    own = sets.of(word.name)
    many = [tag for tag, count in sets.taken(own, word.name).items() if 2 * count >= sets.images(own)]
    return GOOD_OF_AN_OUTFIT if len(many) >= COMPLEX else LEAST_IMAGES[word.kind]


def exposure(sets: Sets, asked: Asked, trigger: str) -> Iterator[Finding]:
    """How often training sees a trigger."""
    word, own = sets.words[trigger], sets.of(trigger)
    most, least = recipes.most(asked.optimizer), least_looks(sets, asked, word)
    if own and word.total > most:
        text = f"{trigger} is seen {word.total} times in all; more than {most} tends to over-bake it."
        yield Finding(trigger, "over-exposed", (), text, _less(sets, asked, word, most))
    elif own and word.total < least:
        text = (
            f"{trigger} is seen {word.total} times in all ({percent(word.total / least)} of the {least} "
            f"that such a trigger wants at least): it may stay weak."
        )
        yield Finding(trigger, "under-exposed", (), text, _more(sets, asked, word, least))


def least_looks(sets: Sets, asked: Asked, word: Word) -> int:
    """Half of what the recipe would give it, and no more than a subject wants; image steps in all."""
    recipe = recipes.resolve(asked.recipe, recipes.like(asked.optimizer))
    beside = word.kind in BESIDE and any(other.kind == "character" for other in sets.words.values())
    per_epoch = recipes.SUB[recipe] if beside else recipes.MAIN[recipe]
    return int(min(LEAST_LOOKS, per_epoch * recipes.EPOCHS / 2) * asked.scale)


def _less(sets: Sets, asked: Asked, word: Word, most: int) -> str:
    """Free half of its largest outfit from it where that is enough; else fewer steps."""
    joint = [name for name in sets.of(word.name) if len(sets.cells[name].source.triggers) > 1]
    if joint and len(sets.of(word.name)) > 1:
        source = sets.largest(joint)
        if word.total - sets.cells[source.name].looks * asked.epochs / 2 <= most:
            other = next(name for name in source.triggers if name != word.name)
            return remedies.freed(sets, word.name, other, otherwise="train less")
    if (source := sets.largest(sets.of(word.name))).repeats:
        return remedies.repeated(source, source.repeats * most / word.total)
    return remedies.budget(most / word.total, asked.steps, asked.epochs)


def _more(sets: Sets, asked: Asked, word: Word, least: int) -> str:
    """A larger share of the budget; more steps where every trigger lacks them."""
    source, times = sets.largest(sets.of(word.name)), least / max(1, word.total)
    lacking = [least_looks(sets, asked, other) / max(1, other.total) for other in asked.words if sets.of(other.name)]
    if min(lacking) > 1:
        return remedies.budget(max(lacking), asked.steps, asked.epochs)
    alone = len(sets.of(word.name)) == len(sets.cells)
    return remedies.looked_at(source, times, alone=alone, steps=asked.steps, epochs=asked.epochs)
