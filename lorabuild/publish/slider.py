"""What the files and the page say of a slider: what it moves, how strong it may be, how its pictures are laid out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.schema.slider import Slider, Target

MINUS = "\N{MINUS SIGN}"


def metadata(slider: Slider, resolution: int) -> dict[str, str]:
    """Words of the header in the place of those about images, and the targets with their strengths as JSON."""
    plain = (target.model_dump() for target in slider.targets)
    told = [{word: value for word, value in target.items() if value is not None} for target in plain]
    return {
        "ss_resolution": f"({resolution}, {resolution})",
        "ss_enable_bucket": "False",
        "ss_cache_latents": "False",
        "ss_num_train_images": "0",
        "ss_num_reg_images": "0",
        "ss_dataset_dirs": "{}",
        "ss_reg_dataset_dirs": "{}",
        "lorabuild.slider": json.dumps(told, ensure_ascii=False),
        "lorabuild.strengths": json.dumps(ends(slider)),
    }


def ends(slider: Slider) -> tuple[float, float]:
    """The lowest and the highest strength that it was drawn at."""
    return min(slider.strengths), max(slider.strengths)


def shown(strength: float) -> str:
    """A number as a person reads it, with a real minus."""
    return f"{strength:g}".replace("-", MINUS)


def advice(slider: Slider) -> str:
    """How strong to use it."""
    low, high = (shown(end) for end in ends(slider))
    if low == high:
        return f"Use it at strength {low}; 0 is the base model."
    return f"Use it at strengths {low} to {high}; 0 is the base model."


def led(target: Target) -> str:
    """Where the strengths of a target lead."""
    positive, negative = (f"“{text}”" if text else "the empty prompt" for text in (target.positive, target.negative))
    far, near = (positive, negative) if target.action == "enhance" else (negative, positive)
    return f"{target.target or 'any prompt'}: strength 1 leads to {far}, {MINUS}1 to {near}"


class Row(NamedTuple):
    """One prompt at one checkpoint, maybe behind ``finish:``, which its name says where there are several.

    ``pictures``: strength → picture, ascending; 0 is the base's.
    """

    name: str
    prompt: str
    epoch: int
    finished: bool
    pictures: Mapping[float, Mapping[str, Any]]

    def apart(self, shipped: int) -> tuple[bool, bool]:
        """How far it is from what is handed out: the shipped epoch, as ``finish:`` left it."""
        return self.epoch != shipped, not self.finished


def layout(pictures: Sequence[Mapping[str, Any]], slider: Slider) -> Iterator[Row]:
    """The rows of a grid, prompt by prompt and checkpoint by checkpoint."""
    states = sorted({(entry["epoch"], "finished" in entry) for entry in pictures if entry["epoch"]})
    for prompt in dict.fromkeys(entry["prompt"] for entry in pictures):
        own = [entry for entry in pictures if entry["prompt"] == prompt]
        for epoch, finished in states:
            told = f" · step {epoch * slider.every}" + ", finished" * finished if len(states) > 1 else ""
            at = ((0, False), (epoch, finished))
            row = {entry["weight"]: entry for entry in own if (entry["epoch"], "finished" in entry) in at}
            yield Row(prompt + told, prompt, epoch, finished, dict(sorted(row.items())))
