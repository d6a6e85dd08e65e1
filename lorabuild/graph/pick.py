"""Choosing an epoch: what of every epoch is drawn and measured, and which one and which weight follow from it.

Everything is an item of the sample stage: pictures, which grids share, and what is measured of them. With
``output.epoch: auto`` they are planned, so that a build makes them; ``lorabuild pick`` makes the same ones on demand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.core.events import Event
from lorabuild.core.item import Item, Result
from lorabuild.graph import drawing, judged
from lorabuild.graph.view import Draft, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.events import Emit
    from lorabuild.evaluate.judge import Picked, Row, Worn
    from lorabuild.graph.view import View

STAGE = "sample"
Made = dict[str, Result]
Get = Callable[[Sequence[Item]], "Made | None"]
"""Results by key; None where one isn't made."""


def sample(view: View) -> Iterator[Draft]:
    """The items of the sample stage: the pictures of ``samples:``, and with ``auto`` what the choice is made by."""
    yield from drawing.sample(view)
    if view.project.output.epoch != "auto":
        return
    if not view.made("train").get("train"):
        yield Waiting("the choice of the epoch")
        return
    asked = judged.asked(view)
    pictures = judged.pictures(view, asked, judged.epochs(view))
    yield from pictures
    yield from judged.losses(view)
    if (made := _held(view)(pictures)) is None:
        yield Waiting("the choice of the epoch")
        return
    yield from (judged.measure(view, asked, made, epoch) for epoch in judged.epochs(view))


def best(view: View) -> int:
    """The epoch that ``output.epoch: auto`` hands out; 0 while something of it isn't measured."""
    from lorabuild.evaluate import judge

    found = _rows(view, _held(view))
    return judge.best(found[0]).epoch if found else 0


def known(view: View) -> dict[str, Any] | None:
    """What ``lorabuild pick`` found for this training, where nothing has changed since. Draws nothing."""
    if view.project.slider or not view.made("train").get("train"):
        return None
    found = _picked(view, _held(view))
    return found.as_dict() if found else None


def keys(view: View) -> set[str]:
    """The keys of all that ``known`` found it by, for ``gc``; none where nothing is known."""
    read = set[str]()

    def get(items: Sequence[Item]) -> Made | None:
        read.update(item.key for item in items)
        return _held(view)(items)

    return read if known(view) and _picked(view, get) else set()


def picked(view: View, emit: Emit) -> Picked:
    """The recommendation; what is missing for it is drawn and measured now.

    Raises:
        ProjectError: nothing is trained yet, or there is nothing to compare with.
    """
    if view.project.slider:
        hint = "`lorabuild grid` shows its strengths epoch by epoch"
        raise ProjectError("a slider has no images that its epochs could be like", where="slider", next_step=hint)
    if not view.made("train").get("train"):
        raise ProjectError("nothing is trained yet", where="train", next_step="run `lorabuild` first")
    found = _picked(view, lambda items: _made(view, items, emit))
    if found is None:
        raise StageError("training images changed while they were compared", next_step="run `lorabuild pick` again")
    return found


def _picked(view: View, get: Get) -> Picked | None:
    from lorabuild.evaluate import judge

    found = _rows(view, get)
    if found is None:
        return None
    rows, base = found
    chosen = judge.best(rows)
    worn = _worn(view, chosen.epoch, get)
    if worn is None:
        return None
    reach = judge.reach(rows, base, worn)
    shown = tuple(replace(row, usable=reach) if row.epoch == chosen.epoch else row for row in rows)
    source = judged.source(view)
    why = (*judge.reasons(rows, base, source, worn), *_left_out(judged.epochs(view), rows))
    eye = "CLIP" if view.project.judge.model else "the base's U-Net"
    weight, found_to_be = judge.weight_of(reach), judge.verdict(rows, base, worn)
    return judge.Picked(shown, chosen.epoch, weight, found_to_be, why, source, base, eye, judge.marked(worn, reach))


def _left_out(epochs: Sequence[int], rows: Sequence[Row]) -> Iterator[str]:
    known = {row.epoch for row in rows}
    yield from (f"Epoch {epoch} is left out: its loss is no number." for epoch in epochs if epoch not in known)


def _rows(view: View, get: Get) -> tuple[tuple[Row, ...], float] | None:
    """A scored row an epoch, and the validation loss of the base; None where something isn't measured.

    An epoch whose loss is no number has none. Raises ``ProjectError`` where no epoch has one.
    """
    from lorabuild.evaluate import judge

    epochs, asked = judged.epochs(view), judged.asked(view)
    losses, pictures = judged.losses(view), judged.pictures(view, asked, epochs)
    lost, drawn = get(losses), get(pictures)
    if lost is None or drawn is None:
        return None
    measures = [judged.measure(view, asked, drawn, epoch) for epoch in epochs]
    seen = get(measures)
    if seen is None:
        return None
    base, *own = (lost[item.key].facts["loss"] for item in losses)
    training = _training(view)
    facts = [seen[item.key].facts for item in measures]
    rows = [
        judge.Row(epoch, loss, training.get(epoch), fact["likeness"], fact.get("leak"))
        for epoch, loss, fact in zip(epochs, own, facts, strict=True)
        if loss is not None
    ]
    if not rows or base is None:
        hint = "write `training: {precision: fp32}`, or lower `training.optimizer.lr`"
        raise ProjectError("no loss is a number, so no epoch can be compared", where="training", next_step=hint)
    return judge.scored(rows, base), base


def _worn(view: View, epoch: int, get: Get) -> list[Worn] | None:
    """What the picked epoch's pictures are like at each weight."""
    from lorabuild.evaluate import judge

    whole = judged.asked(view)
    asked = {weight: whole._replace(free=[]) for weight in view.project.judge.weights} | {1.0: whole}
    weights = sorted(asked)
    drawn = get([one for weight in weights for one in judged.pictures(view, asked[weight], (epoch,), (weight,))])
    if drawn is None:
        return None
    measures = [judged.measure(view, asked[weight], drawn, epoch, weight) for weight in weights]
    seen = get(measures)
    if seen is None:
        return None
    facts = {weight: seen[item.key].facts for weight, item in zip(weights, measures, strict=True)}
    return [
        judge.Worn(weight, fact["likeness"], round(fact["harshness"] / max(fact["usual_harshness"], 1e-6), 4))
        for weight, fact in facts.items()
    ]


def _training(view: View) -> dict[int, float]:
    """Epoch → mean training loss, from the log."""
    from lorabuild.evaluate import loss

    log = view.made("train")["train"].outputs.get("log")
    return loss.by_epoch(loss.read(view.store.read(log))) if log else {}


def _held(view: View) -> Get:
    """What is in the view's store, or nothing where one of it isn't."""

    def get(items: Sequence[Item]) -> Made | None:
        keys = {item.key for item in items}
        found = view.store.results(keys)
        return found if found.keys() == keys and not view.store.missing_blobs(found.values()) else None

    return get


def _made(view: View, items: Sequence[Item], emit: Emit) -> Made | None:
    """The results of these items; what is missing is made now, and kept. None where an image changed meanwhile."""
    from lorabuild.graph.drawn import reading, writing
    from lorabuild.stages import sample as stage

    wanted = {item.key: item for item in items}
    with reading(view) as store:
        held = store.results(wanted)
        lacking = store.missing_blobs(held.values())
    todo = [item for key, item in wanted.items() if key not in held or key in lacking]
    if todo:
        begun = time.monotonic()
        emit(Event("stage", STAGE, {"total": len(wanted), "todo": len(todo), "reasons": []}))
        with writing(view, emit) as store:
            with store.writer(STAGE) as outputs:
                stage.run(todo, view.site, outputs, emit)
            held |= store.results(item.key for item in todo)
        told = {"ran": len(todo), "reused": len(wanted) - len(todo), "seconds": time.monotonic() - begun}
        emit(Event("stage_done", STAGE, told))
    return held if held.keys() == wanted.keys() else None
