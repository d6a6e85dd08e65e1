"""The items of the sample stage: prompts × epochs (× a slider's strengths), and each prompt once without the LoRA."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from lorabuild.graph import basis, course
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.samples import Samples


def sample(view: View) -> Iterator[Draft]:
    """One item a picture. With the LoRA its key reads the train key, so it waits only while that is unknown."""
    samples = view.project.samples
    models = basis.for_drawing(view)
    train_key = view.key("train", "train")
    trained = view.made("train").get("train")
    for prompt in dict.fromkeys(samples.prompts):
        drawn = {"prompt": prompt, **_settings(view, samples)}
        asked = {f"samples.{name}": value for name, value in drawn.items()}
        yield item(
            "sample", picture_id(0, prompt), {**models, **asked}, {**drawn, "lora": None, "weight": 0.0, "epoch": 0}
        )
        for epoch, weight in product(epochs(view), course.strengths(view.project)):
            name = picture_id(epoch, prompt, weight if view.project.slider else None)
            parts = {**models, **asked, "epoch": epoch, "samples.weight": weight}
            if train_key is None:
                yield Waiting(name, parts)
                continue
            lora = trained.outputs[epoch_name(epoch)] if trained and not trained.problem else None
            reads = {**drawn, "lora": lora, "weight": weight, "epoch": epoch}
            yield item("sample", name, {**parts, "train": train_key}, reads)


def epochs(view: View) -> tuple[int, ...]:
    """The epochs that are drawn: of those that the training has come to, as many as are kept."""
    trained, kept = view.made("train").get("train"), view.project.training.keep_checkpoints
    last = trained.facts["epochs"] if trained else course.epochs(view.project)
    drawn = kept or last if view.project.samples.every == "epoch" else 1
    return tuple(range(max(1, last - drawn + 1), last + 1))


def epoch_name(epoch: int) -> str:
    """The name of an epoch's file among the train stage's outputs."""
    return f"epoch-{epoch:04d}"


def picture_id(epoch: int, prompt: str, strength: float | None = None) -> str:
    """What a person calls a sample picture; a slider's has its strength in it."""
    with_lora = f"epoch {epoch}" + ("" if strength is None else f", strength {strength:g}")
    return f"{with_lora} · {prompt}" if epoch else f"without LoRA · {prompt}"


def _settings(view: View, samples: Samples) -> dict[str, Any]:
    side = view.project.images.resolution
    size = [samples.width or side, samples.height or side]
    return {
        "negative": samples.negative,
        "seed": samples.seed,
        "steps": samples.steps,
        "cfg": samples.cfg,
        "size": size,
    }
