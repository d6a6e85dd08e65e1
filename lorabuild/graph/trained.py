"""What the training left: the epochs that are kept, and the word for a person whose LoRA isn't trained yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from lorabuild.graph.view import View


def trained(view: View) -> dict[int, str]:
    """Epoch → digest of its state, as far as they are kept. Raises ``ProjectError`` where nothing is trained yet."""
    made = view.made("train").get("train")
    outputs = made.outputs if made and not made.problem else {}
    found = {int(name.removeprefix("epoch-")): blob for name, blob in outputs.items() if name.startswith("epoch-")}
    if found:
        return dict(sorted(found.items()))
    name = f"variant {view.variant}" if view.variant else view.project.name
    raise ProjectError(
        f"{name} isn't trained as lora.yaml stands", next_step="run `lorabuild` first: it trains what is missing"
    )


def tell_of_finish(view: View, emit: Emit) -> None:
    """Say that pictures are of what was trained, where the file that is handed out is made of it by ``finish:``."""
    if view.project.finish:
        text = "epochs are shown as they were trained, without `finish:`; without them a grid is of what is handed out"
        emit(Event("note", data={"code": "finish", "text": text}))
