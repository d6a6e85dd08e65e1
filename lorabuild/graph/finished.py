"""The sample stage's items: what is drawn, judged, and of a LoRA with ``finish:`` also drawn as it is handed out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lorabuild.graph import course, drawing, pick, products
from lorabuild.graph.drawing import epoch_name
from lorabuild.graph.view import Draft, Waiting
from lorabuild.publish.network import weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.view import View


def sample(view: View) -> Iterator[Draft]:
    """All items of the stage. The handed-out epoch is drawn behind ``finish:``, too.

    Once every prompt and seed, at the weight that is meant; of a slider at all its strengths.
    """
    yield from pick.sample(view)
    if not view.project.finish:
        return
    trained, usual = view.made("train").get("train"), course.strengths(view.project)
    epoch = products.chosen(view) if trained and not trained.problem else 0
    seen = set[str]()
    for shot, weights, apart in drawing.planned(view):
        strengths = weights if view.project.slider else (weight(view.project) if weights == usual else weights[0],)
        for strength in strengths:
            told = [f"strength {strength:g}"] if view.project.slider else []
            name = f"{', '.join([drawing.FINISHED, *told, *apart])} · {shot.prompt}"
            if name in seen:
                continue
            seen.add(name)
            if trained is None or not epoch:
                yield Waiting(name)
                continue
            lora = trained.outputs[epoch_name(epoch)]
            worn = replace(shot, lora=lora, weight=strength, epoch=epoch, finished=True)
            yield drawing.shot_item(view, worn, name, apart)
