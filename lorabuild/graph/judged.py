"""The items by which epochs are compared: pictures with and without triggers, measures of them, losses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions import human
from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.graph import basis, drawing
from lorabuild.graph.drawing import epoch_name, shot_item
from lorabuild.graph.members import members
from lorabuild.graph.view import item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.core.item import Item, Result
    from lorabuild.graph.drawing import Shot
    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View

VERSION = 4
"""Of the measures: raised when the same pictures give others."""
LOOKS = 8
"""Timesteps at which a loss is taken, where ``training.validation`` says none."""


class Asked(NamedTuple):
    """Pictures of the base to compare with: with triggers, the images whose captions they are of, and without any."""

    shots: list[Shot]
    images: list[Member]
    free: list[Shot]

    def all(self) -> list[Shot]:
        """Every picture."""
        return [*self.shots, *self.free]


def epochs(view: View) -> tuple[int, ...]:
    """The epochs whose states were kept."""
    trained = view.made("train")["train"]
    return tuple(epoch for epoch in range(1, trained.facts["epochs"] + 1) if epoch_name(epoch) in trained.outputs)


def asked(view: View) -> Asked:
    """Captions of training images in turn, concept by concept; half as many without triggers, where there are any."""
    used, number, first = _used(view), view.project.judge.pictures, view.project.judge.seed
    plain, turns = drawing.asked(view, ""), list(used.values())
    rounds = [divmod(place, len(turns)) for place in range(number)]
    images = [turns[concept][turn % len(turns[concept])] for turn, concept in rounds]
    shots = [replace(plain, prompt=str(image.caption), seed=first + place) for place, image in enumerate(images)]
    free = [
        replace(plain, prompt=_without(view, image), seed=first + number + place)
        for place, image in enumerate(_triggered(view, images))
    ]
    return Asked(shots, images, free)


def _used(view: View) -> dict[str, list[Member]]:
    """Concept with triggers, or any where none has → its images, in an order that knows no path.

    Raises ``ProjectError`` for none.
    """
    found: dict[str, list[Member]] = {}
    for member in members(view):
        if not member.twin and member.caption and member.pixels:
            found.setdefault(member.concept, []).append(member)
    if not found:
        hint = "write `triggers:` in a concept, or captions"
        raise ProjectError("no image has a caption that pictures could be drawn by", where="concepts", next_step=hint)
    named = {name: some for name, some in found.items() if _triggers(view, name)} or found
    return {name: sorted(some, key=lambda one: str(one.pixels)) for name, some in named.items()}


def _triggered(view: View, images: Sequence[Member]) -> list[Member]:
    """Every other image, of those that have a trigger."""
    return [image for image in images[::2] if _triggers(view, image.concept)]


def _triggers(view: View, concept: str) -> tuple[str, ...]:
    return view.project.concepts[concept].triggers


def _without(view: View, member: Member) -> str:
    """What a caption says to the base: triggers give way to their class words."""
    words = {name: view.project.triggers[name].class_ or "" for name in _triggers(view, member.concept)}
    return human.without(str(member.caption), words)


def pictures(view: View, wanted: Asked, of: Sequence[int], weights: Sequence[float] = (1.0,)) -> list[Item]:
    """The base's pictures, and those of every epoch at every weight."""
    shots = wanted.all() + [
        _worn(view, shot, epoch, weight) for epoch in of for weight in weights for shot in wanted.all()
    ]
    return [_drawn(view, shot) for shot in shots]


def _worn(view: View, shot: Shot, epoch: int, weight: float) -> Shot:
    return replace(shot, lora=view.made("train")["train"].outputs[epoch_name(epoch)], weight=weight, epoch=epoch)


def _drawn(view: View, shot: Shot) -> Item:
    worn = f"epoch {shot.epoch}, weight {shot.weight:g}" if shot.lora else "without LoRA"
    made = shot_item(view, shot, f"judging: {worn}, seed {shot.seed} · {shot.prompt}")
    return replace(made, reads={**made.reads, "judging": True})


def measure(view: View, wanted: Asked, made: Mapping[str, Result], epoch: int, weight: float = 1.0) -> Item:
    """What the pictures of an epoch are like; ``made`` has those pictures, and the base's."""
    keys = {
        "drawn": [_drawn(view, _worn(view, shot, epoch, weight)).key for shot in wanted.shots],
        "plain": [_drawn(view, shot).key for shot in wanted.shots],
        "free": [_drawn(view, _worn(view, shot, epoch, weight)).key for shot in wanted.free],
        "free_plain": [_drawn(view, shot).key for shot in wanted.free],
    }
    told = digest(canonical([keys, [str(image.pixels) for image in wanted.images]]))
    parts = {**_eye(view), "measures": VERSION, "judge.pictures": told, "epoch": epoch, "weight": weight}
    reads = {
        "measure": "pictures",
        "judging": True,
        "size": list(drawing.asked(view, "").size),
        "images": [_shown(view, image) for image in wanted.images],
        "free_images": [str(image.pixels) for image in _triggered(view, wanted.images)] if wanted.free else [],
        **{name: [made[key].outputs["picture"] for key in found] for name, found in keys.items()},
    }
    return item("sample", f"judging: what epoch {epoch} is like at weight {weight:g}", parts, reads)


def _shown(view: View, image: Member) -> list[str]:
    """Where a training image is read from, its pixels, and the moves that are made again."""
    seen = image.seen(view)
    return [seen["path"], str(image.pixels), *([seen["moves"]] if "moves" in seen else [])]


def _eye(view: View) -> dict[str, Any]:
    if view.inventory.judge:
        return {"judge.model": view.inventory.judge}
    return basis.for_drawing(view)


def source(view: View) -> str:
    """On what the losses are taken."""
    from lorabuild.evaluate import judge

    if _held(view):
        return judge.HELD
    return judge.TRAINED if view.project.images.flip else judge.MIRRORED


def losses(view: View) -> list[Item]:
    """The loss of the base, then that of every epoch: with fixed noise and timesteps, on what isn't trained."""
    trained, planned = view.made("train")["train"], view.step("train").items[0]
    held, wanted = _held(view), view.project.training.validation
    looks = wanted.timesteps if wanted else LOOKS
    mirrored = not held and not view.project.images.flip
    records = held or [record for record in planned.reads["records"] if not record["prior"]]
    told = {"records": records, "empty": planned.reads["empty"], "epochs": planned.reads["epochs"]}
    made = []
    for epoch in (0, *epochs(view)):
        lora = trained.outputs[epoch_name(epoch)] if epoch else None
        parts = {"train": trained.key, "epoch": epoch, "looks": looks, "mirrored": mirrored, "measure": "loss"}
        reads = {"measure": "loss", "judging": True, "lora": lora, "looks": looks, "mirrored": mirrored, **told}
        name = f"epoch {epoch}" if epoch else "the base"
        made.append(item("sample", f"judging: loss of {name}", parts, reads))
    return made


def _held(view: View) -> list[Mapping[str, Any]]:
    """The records that validation holds out."""
    planned = view.step("train").items
    return list(planned[0].reads.get("held", ())) if planned else []
