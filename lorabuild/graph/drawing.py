"""The items of the sample stage: prompts × epochs, and each prompt once without the LoRA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.graph.prior import DRAWN_WITH
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.samples import Samples


def sample(view: View) -> Iterator[Draft]:
    """One item a picture. With the LoRA its key reads the train key, so it waits only while that is unknown."""
    samples = view.project.samples
    models: dict[str, Any] = {f"base.{part}": view.inventory.models[part] for part in DRAWN_WITH}
    models["base.clip_skip"] = view.project.base.clip_skip
    train_key = view.key("train", "train")
    trained = view.made("train").get("train")
    for prompt in dict.fromkeys(samples.prompts):
        drawn = {"prompt": prompt, **_settings(view, samples)}
        asked = {f"samples.{name}": value for name, value in drawn.items()}
        yield item(
            "sample", picture_id(0, prompt), {**models, **asked}, {**drawn, "lora": None, "weight": 0.0, "epoch": 0}
        )
        for epoch in epochs(view):
            parts = {**models, **asked, "epoch": epoch, "samples.weight": samples.weight}
            if train_key is None:
                yield Waiting(picture_id(epoch, prompt), parts)
                continue
            lora = trained.outputs[epoch_name(epoch)] if trained and not trained.problem else None
            reads = {**drawn, "lora": lora, "weight": samples.weight, "epoch": epoch}
            yield item("sample", picture_id(epoch, prompt), {**parts, "train": train_key}, reads)


def epochs(view: View) -> tuple[int, ...]:
    """The epochs that are drawn."""
    last = view.project.budget.epochs
    return tuple(range(1, last + 1)) if view.project.samples.every == "epoch" else (last,)


def epoch_name(epoch: int) -> str:
    """The name of an epoch's file among the train stage's outputs."""
    return f"epoch-{epoch:04d}"


def picture_id(epoch: int, prompt: str) -> str:
    """What a person calls a sample picture."""
    return f"epoch {epoch} · {prompt}" if epoch else f"without LoRA · {prompt}"


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
