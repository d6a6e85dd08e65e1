"""Samples drawn while it trains: whenever a checkpoint comes, its pictures, by the items that the plan has for them.

They are the items of the sample stage, so nothing of them is drawn again afterwards, and what a kill cut short is drawn
then. The base is loaded for them beside the one that is trained, and let go again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest
from lorabuild.core.errors import StageError
from lorabuild.core.events import Emit, Event
from lorabuild.core.item import Item
from lorabuild.graph import drawing
from lorabuild.graph.states import epoch_name, step_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.batch import Batch
    from lorabuild.graph.view import View

STAGE = "sample"


class Along:
    """A sink of a training's events that draws at every checkpoint, until that fails once."""

    def __init__(self, view: View, emit: Emit) -> None:
        self.view, self.emit = view, emit
        self.on = view.project.samples.during

    def __call__(self, event: Event) -> None:
        """Pass an event on; draw what is to be seen of a checkpoint."""
        self.emit(event)
        if self.on and event.kind == "checkpoint":
            try:
                self._draw(event.data["name"], Path(event.data["path"]))
            except (RuntimeError, MemoryError, StageError) as error:  # the training must not suffer from it
                self.on = False
                why = str(error).partition("\n")[0] or "the memory ran out"
                text = f"pictures can't be drawn while it trains, so they are drawn after it: {why}"
                self.emit(Event("note", STAGE, {"code": "not-along", "item": STAGE, "text": text}))

    def _draw(self, name: str, path: Path) -> None:
        state = path.read_bytes()
        todo = list(self._todo(name, digest(state)))
        if not todo:
            return
        from lorabuild.models import device
        from lorabuild.stages import sample

        said: list[Event] = []
        with device.apart(), self.view.store.writer(STAGE) as outputs:
            sample.run(todo, self.view.site, _Door(outputs, {digest(state): state}), said.append)
        for event in said:
            if event.kind != "progress":  # the bar is the training's
                self.emit(event)

    def _todo(self, name: str, lora: str) -> Iterator[Item]:
        """What is still to be drawn of a checkpoint, and of the base."""
        found = [one for one in drawing.sample(self.view) if isinstance(one, Item) and "measure" not in one.reads]
        store = self.view.store
        held = store.results(one.key for one in found)
        made = held.keys() - store.missing_blobs(held.values()).keys()
        for one in {one.key: one for one in found if one.key not in made}.values():
            if "train" not in one.parts:
                yield replace(one, id=self.view.said(one.id))
            elif name == (step_name(one.reads["step"]) if "step" in one.reads else epoch_name(one.reads["epoch"])):
                yield replace(one, id=self.view.said(one.id), reads={**one.reads, "lora": lora})


class _Door:
    """The sample stage's door, through which a state that isn't in the store yet can be read as well."""

    def __init__(self, outputs: Batch, states: dict[str, bytes]) -> None:
        self._outputs, self._states = outputs, states

    def read(self, name: str) -> bytes:
        """The bytes of a blob, or of the state."""
        return self._states.get(name) or self._outputs.read(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outputs, name)
