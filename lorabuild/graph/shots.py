"""A picture in a person's words – prompt, epoch, weight, blocks … – as what is to be drawn; lora.yaml says the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.graph import drawing
from lorabuild.graph.prompting import chosen, expanded
from lorabuild.graph.trained import trained
from lorabuild.publish import network
from lorabuild.schema import blocks
from lorabuild.schema.families import FACTS
from lorabuild.schema.prompt_lines import SIDE_STEP, LineError, parse, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.graph.drawing import Shot
    from lorabuild.graph.view import View

PLAIN = ("negative", "seed", "steps", "cfg", "sampler", "size")
"""Words that a shot has under the same name."""


def lines(view: View, line: str) -> list[str]:
    """A prompt with options behind it, once for each trigger where ``{trigger}`` stands in it.

    Raises ``ProjectError`` for an option that can't be read.
    """
    try:
        said = parse(line)
    except LineError as error:
        raise ProjectError(error.what, where=line, next_step=error.next_step) from None
    return [written({**said, "prompt": text}) for text in expanded(said["prompt"], view.project.triggers)]


def shot_of(view: View, words: Mapping[str, Any]) -> Shot | None:
    """The shot of ``prompt`` (a line of ``lines``), ``PLAIN``, ``epoch``, ``weight``, ``blocks`` and ``finished``.

    Without an epoch, or at weight 0, it is without the LoRA. None where there is no such epoch. ``blocks`` is a preset,
    a block, a range or a curve, of which the rest is off. ``finished`` is the epoch that ``finish:`` is done to.
    """
    said = parse(words["prompt"])
    own = {word: value for word, value in said.items() if word in PLAIN}
    if "width" in said or "height" in said:
        usual = drawing.asked(view, said["prompt"]).size
        own["size"] = (said.get("width", usual[0]), said.get("height", usual[1]))
    own |= {word: words[word] for word in PLAIN if word in words}
    seed = own.get("seed", view.project.samples.seed)
    shot = replace(drawing.asked(view, chosen(said["prompt"], seed)), **own)
    if any(side % SIDE_STEP for side in shot.size):
        what = f"no picture is {shot.size[0]}x{shot.size[1]} pixels: sides are multiples of {SIDE_STEP}"
        raise ProjectError(what, where=said["prompt"], next_step="write such sides behind `--w` and `--h`")
    finished = words.get("finished", 0) == words.get("epoch")
    meant = network.weight(view.project) if finished else view.project.samples.weight
    weight = words.get("weight", said.get("weight", meant))
    if not weight or "epoch" not in words:
        return shot
    lora = trained(view).get(words["epoch"])
    if lora is None:
        return None
    worn = replace(shot, lora=lora, epoch=words["epoch"], weight=weight, finished=finished)
    return replace(worn, blocks=_factors(view, words))


def _factors(view: View, words: Mapping[str, Any]) -> dict[str, float]:
    """Block → factor; nothing where all are whole."""
    name, size = words.get("blocks", "ALL"), FACTS[view.project.base.family].blocks
    return {} if name == "ALL" else dict.fromkeys(blocks.ids(size), 0.0) | blocks.expanded({name: 1.0}, size)
