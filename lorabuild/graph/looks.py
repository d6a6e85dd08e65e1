"""What every picture looks like and which are alike: measured once a picture and kept in the store, beside the stages.

A plan reads one small answer a concept, made from the measures of its pictures; no key of a stage knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.digest import digest
from lorabuild.core.events import Event, silent
from lorabuild.core.files import read_if_there
from lorabuild.core.item import Item
from lorabuild.core.store import Store
from lorabuild.graph.likeness import LIKENESS, STAGE, likeness, look_item, together
from lorabuild.graph.members import members
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Result
    from lorabuild.graph.view import View
    from lorabuild.images.decode import UnreadableError


def known(view: View) -> dict[str, Mapping[str, Any]]:
    """Concept → what is known of its pictures, as far as they were looked at; nothing is made now.

    ``near`` and ``variants``: [the larger, the other, share that differs]; ``flaws``: code → picture → number;
    ``grey``: pictures without colour. A picture is known by the digest of its pixels as they lie in the file.
    """
    return view.derived(
        "looks", lambda view: {name: facts for name, one in _wanted(view).items() if (facts := likeness(view, one))}
    )


def compared_early(view: View) -> None:
    """Look and compare as soon as images are prepared: what is alike is left out of all later stages."""
    fill(view, view.store)
    for stage in STAGES[STAGES.index("prepare") + 1 :]:  # they were planned too early, to find the images
        view.steps.pop(stage, None)
        view.named.pop(stage, None)
    view.worked_out.clear()


def made(view: View, emit: Emit = silent) -> None:
    """The same from a view that only reads. Raises BusyError while a build has the store."""
    if all(likeness(view, one) for one in _wanted(view).values()):
        return
    folder = view.store.folder
    with claim(folder, wait=False, say=lambda _: None), Store(folder) as store:
        fill(view, store, emit)


def fill(view: View, store: Store, emit: Emit = silent) -> None:
    """Look and compare, into this store; where a picture can't be read any more nothing is kept of its concept."""
    lacking = {name: one for name, one in _wanted(view).items() if not likeness(view, one)}
    if lacking:
        held = _looked(view, store, {pixels for one in lacking.values() for pixels in one}, emit)
        with store.writer(LIKENESS) as outputs:
            for one in lacking.values():
                if one <= held.keys():
                    outputs.done(together(one), facts=_compared({pixels: held[pixels] for pixels in one}))
        view.worked_out.clear()


def keys(view: View) -> set[str]:
    """Every key that the project needs of these, for ``gc``."""
    wanted = _wanted(view)
    return {together(one).key for one in wanted.values()} | {
        look_item(name).key for one in wanted.values() for name in one
    }


def _wanted(view: View) -> dict[str, set[str]]:
    """Concept → the digests of its pictures; without those of which one isn't scanned yet."""
    found: dict[str, set[str]] = {}
    waiting = set()
    for member in members(view):
        if member.scanned is None:
            waiting.add(member.concept)
        else:
            found.setdefault(member.concept, set()).add(member.scanned)
    return {name: one for name, one in found.items() if name not in waiting}


def _looked(view: View, store: Store, wanted: set[str], emit: Emit) -> dict[str, Mapping[str, Any]]:
    """The measures of pictures, made now where they weren't."""
    from lorabuild.images.decode import record
    from lorabuild.images.pool import in_order

    items = {pixels: look_item(pixels) for pixels in wanted}
    held: dict[str, Result] = store.results(item.key for item in items.values())
    where = {member.scanned: member for member in members(view) if member.scanned in wanted}
    todo = [
        Item(name, item.key, item.parts, {"path": str(where[name].absolute(view)), "file": where[name].file})
        for name, item in sorted(items.items())
        if item.key not in held
    ]
    with store.writer(STAGE) as outputs:
        answers = in_order(_seen, todo, view.project.device.threads, 1, emit, STAGE)
        for done, (item, found) in enumerate(answers, start=1):
            if isinstance(found, dict):
                outputs.done(item, facts=found, record=record())
            emit(Event("progress", STAGE, {"done": done, "total": len(todo), "unit": "images"}))
    held = store.results(item.key for item in items.values())
    return {pixels: held[item.key].facts for pixels, item in items.items() if item.key in held}


def _seen(item: Item) -> dict[str, Any] | UnreadableError | None:
    """The measures of one picture; none where it is no longer the file that was scanned."""
    from dataclasses import asdict

    from lorabuild.images.decode import UnreadableError
    from lorabuild.images.look import look

    data = read_if_there(item.reads["path"])
    if data is None or digest(data) != item.reads["file"]:
        return None
    try:
        return asdict(look(data))
    except UnreadableError as error:
        return error


def _compared(looks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the plan wants to know of pictures that stand together."""
    from lorabuild.balance.findings import GREY, beyond
    from lorabuild.images.likeness import Seen, pairs

    seen = [Seen(name, one["area"], one["hash"], one["tiles"]) for name, one in sorted(looks.items())]
    found = pairs(seen)
    flaws: dict[str, dict[str, float]] = {}
    for name, one in sorted(looks.items()):
        for code, number in beyond(one["blur"], one["blocks"], one["bars"], one["clear"]).items():
            flaws.setdefault(code, {})[name] = number
    return {
        "near": [[pair.kept, pair.other, pair.share] for pair in found if not pair.variant],
        "variants": [[pair.kept, pair.other, pair.share] for pair in found if pair.variant],
        "flaws": flaws,
        "grey": sorted(name for name, one in looks.items() if one["colour"] < GREY),
    }
