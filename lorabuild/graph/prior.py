"""Prior pictures: which ones the base model is asked to draw for ``regularization:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.balance.buckets import bucket_of
from lorabuild.captions import human
from lorabuild.core.counted import count
from lorabuild.graph import balancing, basis
from lorabuild.graph.members import members
from lorabuild.graph.view import item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.balance.buckets import Size
    from lorabuild.core.item import Item
    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View
    from lorabuild.schema.regularization import Generate


def prior_pictures(view: View) -> Iterator[Item]:
    """One latents item a prior picture; its key holds everything that the picture is drawn from."""
    wanted = view.project.regularization
    if wanted is None or wanted.folder:
        return
    generate, models = wanted.generate, basis.for_drawing(view)
    for drawn in _per_image(view) if generate.per_image else _counted(view, generate):
        reads = {
            "prior": True,
            "prompt": drawn.prompt,
            "negative": generate.negative,
            "seed": drawn.seed,
            "steps": generate.steps,
            "cfg": generate.cfg,
            "size": list(drawn.size),
        }
        asked = {f"regularization.{name}": value for name, value in reads.items()}
        yield item("latents", drawn.id, {**models, **asked}, reads)


def prior_waiting(view: View) -> Iterator[str]:
    """What the prior pictures are called whose words aren't known yet."""
    wanted = view.project.regularization
    if wanted and wanted.generate.per_image and not wanted.folder:
        yield from (_id(member) for member in members(view) if not member.twin and not _known(member))


class _Drawn(NamedTuple):
    """A picture to be drawn."""

    id: str
    prompt: str
    seed: int
    size: Size


def _counted(view: View, generate: Generate) -> Iterator[_Drawn]:
    """As many as are asked for, or as an epoch wants, of the prompts in turn, square."""
    prompts = generate.prompts or _class_words(view) or ("",)
    side = view.project.images.resolution
    size = bucket_of(side, side, balancing.sizes(view))
    for index in range(generate.count or balancing.table(view).regularization_per_epoch):
        prompt = chosen(prompts[index % len(prompts)], generate.seed, index)
        yield _Drawn(f"regularization/{index + 1:03d}", prompt, count("prior", generate.seed, index) % 2**32, size)


def _per_image(view: View) -> Iterator[_Drawn]:
    """One a training image, of its size, from what its caption says beside the triggers."""
    regularization = view.project.regularization
    seed = regularization.generate.seed if regularization else 0
    classes = {name: trigger.class_ or "" for name, trigger in view.project.triggers.items()}
    for member in members(view):
        if not member.twin and _known(member) and member.caption is not None and member.size:
            words = {name: classes.get(name, "") for name in view.project.concepts[member.concept].triggers}
            counted = count("prior", seed, member.concept, member.pixels) % 2**32
            main = balancing.fits(view, member)[0].bucket
            yield _Drawn(_id(member), human.without(member.caption, words), counted, main)


def _known(member: Member) -> bool:
    return member.caption is not None and member.pixels is not None


def _id(member: Member) -> str:
    return f"regularization of {member.id}"


def chosen(prompt: str, seed: int, index: int) -> str:
    """Resolve each ``{a|b|c}`` by counted chance: the same words for the same (seed, index)."""
    places = iter(range(prompt.count("{")))

    def pick(match: re.Match[str]) -> str:
        words = match[1].split("|")
        return words[count("prior words", seed, index, next(places)) % len(words)].strip()

    picked = re.sub(r"\{([^{}]*)\}", pick, prompt)
    return ", ".join(word for word in (part.strip() for part in picked.split(",")) if word)


def _class_words(view: View) -> tuple[str, ...]:
    """In the order of the alphabet: the order in which triggers are declared changes no picture."""
    return tuple(sorted({t.class_ for t in view.project.triggers.values() if t.class_}))
