"""Pictures on demand, for grids, trying and choosing: taken from the store where they were drawn before, else drawn."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lorabuild.core.claim import claim
from lorabuild.core.errors import BlobError, StageError
from lorabuild.core.events import Emit, Event, silent
from lorabuild.core.store import Store
from lorabuild.graph import drawing
from lorabuild.stages import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lorabuild.graph.drawing import Shot
    from lorabuild.graph.view import View
    from lorabuild.stages.sample import Easel

STAGE = "sample"


def drawn(
    view: View, shots: Sequence[Shot], emit: Emit = silent, easel: Callable[[], Easel] | None = None
) -> list[bytes]:
    """PNG bytes of each shot. What is drawn now is kept as the sample stage's own pictures are.

    ``easel`` gives a model that is loaded already, or loads it; without it one is loaded for these pictures.

    Says ``stage``, ``progress`` and ``stage_done`` (ran, reused) of the sample stage, each picture counted once.
    Waits, having said so, while a build has the store.
    """
    wanted = [drawing.shot_item(view, shot, said(shot)) for shot in shots]
    items = {item.key: item for item in wanted}
    with reading(view) as store:
        pictures = dict(_held(store, items))
    todo, begun = [item for item in items.values() if item.key not in pictures], time.monotonic()
    if todo:
        emit(Event("stage", STAGE, {"total": len(items), "todo": len(todo), "reasons": []}))
        with writing(view, emit) as store:
            with store.writer(STAGE) as outputs:
                sample.draw(easel() if easel else sample.easel(view.site), todo, view.site, outputs, emit)
            pictures |= dict(_held(store, [item.key for item in todo]))
    told = {"ran": len(todo), "reused": len(items) - len(todo), "seconds": time.monotonic() - begun}
    emit(Event("stage_done", STAGE, told))
    if lost := [items[key].id for key in items if key not in pictures]:
        raise StageError(f"{len(lost)} pictures were not drawn, the first is: {lost[0]}")
    return [pictures[item.key] for item in wanted]


def said(shot: Shot) -> str:
    """What a person calls a shot: ``on demand: epoch 3, weight 0.5 · zorbl``; no planned sample is called so."""
    how = f"epoch {shot.epoch}, weight {shot.weight:g}" if shot.lora else "without LoRA"
    return f"on demand: {how} · {shot.prompt}"


def _held(store: Store, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Key → picture, of those that are there and sound."""
    for key, result in store.results(keys).items():
        with suppress(BlobError, KeyError):
            yield key, store.read(result.outputs["picture"])


@contextmanager
def reading(view: View) -> Iterator[Store]:
    """The store as it is now: a view's own, opened for looking, may be older."""
    if not view.store.database.read_only:
        yield view.store
        return
    with Store(view.store.folder, read_only=True) as store:
        yield store


@contextmanager
def writing(view: View, emit: Emit) -> Iterator[Store]:
    """The store for writing: a build has its own already, under its claim."""
    if not view.store.database.read_only:
        yield view.store
        return
    folder = view.store.folder
    with (
        claim(folder, wait=True, say=lambda text: emit(Event("note", STAGE, {"code": "busy", "text": text}))),
        Store(folder) as store,
    ):
        for path in folder.glob("null-*"):  # the report tells of it: a build looks again
            path.unlink(missing_ok=True)
        yield store
