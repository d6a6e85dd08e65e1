"""The epochs of a training: how far each had come, and which of them lie beside the one that is handed out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.graph.drawing import epoch_name

if TYPE_CHECKING:
    from lorabuild.core.item import Result
    from lorabuild.graph.view import View


def steps(view: View, trained: Result) -> dict[int, int]:
    """Epoch → optimizer steps at its end, as the training's log tells it; the last one needs no log."""
    log = view.store.read(trained.outputs["log"]).decode()
    rows = [json.loads(line) for line in log.splitlines()]
    return {row["epoch"]: row["step"] for row in rows if "step" in row} | {
        trained.facts["epochs"]: trained.facts["steps"]
    }


def beside(view: View, trained: Result, handed: int) -> list[dict[str, Any]]:
    """The epochs of ``output.epochs`` that the training left: ``[{"epoch", "steps", "lora"}]``.

    Args:
        view: the view.
        trained: the training's result.
        handed: the epoch that is handed out under the plain name; ``all`` are the others.
    """
    wanted = view.project.output.epochs
    if not wanted:
        return []
    left = [epoch for epoch in range(1, trained.facts["epochs"] + 1) if epoch_name(epoch) in trained.outputs]
    named = {int(word) for word in wanted if word != "all"} | ({*left} - {handed} if "all" in wanted else set())
    ends = steps(view, trained)
    chosen = [epoch for epoch in left if epoch in named]
    return [{"epoch": one, "steps": ends[one], "lora": trained.outputs[epoch_name(one)]} for one in chosen]
