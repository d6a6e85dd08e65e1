"""The items of the sample stage: prompts × seeds × states × weights, and each prompt and seed once without the LoRA."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.graph import basis, course
from lorabuild.graph.models import merged_files
from lorabuild.graph.prompting import chosen, expanded, prompts
from lorabuild.graph.states import State, epoch_name, states
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.core.item import Item

__all__ = ["Shot", "asked", "epoch_name", "picture_id", "planned", "sample", "shot_item", "texts"]


FINISHED = "handed out"
"""What a picture of the finished LoRA is called."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to draw.

    Attributes:
        prompt: the text as the model reads it, with nothing left to expand.
        negative: what guidance leads away from.
        seed: of its noise.
        steps: sampler steps, 1 or more.
        cfg: guidance scale, 1 or more.
        size: width and height in pixels.
        sampler: a name of ``models.sampling.SAMPLERS``; empty for the base's own.
        lora: digest of a state (fp32) in the store; None draws without one.
        weight: its strength.
        epoch: the epoch that it is of.
        blocks: block → factor on top of the weight; what isn't named counts whole.
        finished: whether it is drawn as it is handed out, behind ``finish:``.
    """

    prompt: str
    negative: str = ""
    seed: int = 42
    steps: int = 20
    cfg: float = 7.0
    size: tuple[int, int] = (512, 512)
    sampler: str = ""
    lora: str | None = None
    weight: float = 0.0
    epoch: int = 0
    blocks: Mapping[str, float] = field(default_factory=dict)
    finished: bool = False


class Planned(NamedTuple):
    """A picture that ``samples:`` asks for, once without the LoRA and with it at every state and weight."""

    shot: Shot
    weights: tuple[float, ...]
    apart: tuple[str, ...]


def sample(view: View) -> Iterator[Draft]:
    """One item a picture. With the LoRA its key reads the train key, so it waits only while that is unknown."""
    train_key, drawn = view.key("train", "train"), states(view)
    several, usual = bool(view.project.slider or view.project.samples.weights), course.strengths(view.project)
    word, seen = "strength" if view.project.slider else "weight", set[str]()
    for shot, weights, apart in planned(view):
        made = [_item(view, shot, picture_id(shot.prompt, None, apart), {}, apart)]
        for state, weight in product(drawn, weights):
            told = (f"{word} {weight:g}", *apart) if several or weights != usual else apart
            worn = replace(shot, lora=state.lora, weight=weight, epoch=state.epoch)
            of_this = {**state.parts, "train": train_key}
            made.append(_item(view, worn, picture_id(shot.prompt, state, told), of_this, apart))
        for one in made:
            waits = "train" in one.parts and train_key is None
            parts = {name: part for name, part in one.parts.items() if name != "train"}
            if one.id not in seen:
                yield Waiting(one.id, parts) if waits else one
            seen.add(one.id)


def planned(view: View) -> Iterator[Planned]:
    """Every prompt with every seed, in the order of lora.yaml, as the model reads it."""
    samples = view.project.samples
    for said in prompts(view.site):
        own = {word: value for word, value in said.items() if word != "prompt"}
        seeds = (own["seed"],) if "seed" in own else samples.seeds or (samples.seed,)
        weights = course.strengths(view.project)
        if "weight" in own and not view.project.slider:
            weights = (own["weight"],)
        for text, seed in product(expanded(said["prompt"], view.project.triggers), seeds):
            apart = {**({"seed": seed} if len(seeds) > 1 else {}), **own}
            apart.pop("weight", None)
            shot = _shot(view, {**own, "seed": seed, "prompt": chosen(text, seed)})
            yield Planned(shot, weights, tuple(f"{word} {_plain(value)}" for word, value in apart.items()))


def texts(view: View) -> list[str]:
    """The prompts of ``samples:`` as the model reads them, each once."""
    return list(dict.fromkeys(one.shot.prompt for one in planned(view)))


def asked(view: View, prompt: str) -> Shot:
    """A picture of any prompt without the LoRA: as ``samples:`` asks for it, or as it would."""
    known = (one.shot for one in planned(view) if one.shot.prompt == prompt)
    return next(known, None) or _shot(view, {"prompt": prompt})


def shot_item(view: View, shot: Shot, name: str, apart: Sequence[str] = ()) -> Item:
    """The item that draws a picture; one that ``samples:`` asks for too has the same key."""
    if shot.lora is None:
        return _item(view, shot, name, {}, apart)
    trained = view.made("train").get("train")
    of_this = next((state for state in states(view) if state.lora == shot.lora), None)
    if trained and of_this is None and trained.outputs.get(epoch_name(shot.epoch)) == shot.lora:
        of_this = State(epoch_name(shot.epoch), shot.epoch, 0, shot.lora)
    if trained and of_this:
        return _item(view, shot, name, {**of_this.parts, "train": trained.key}, apart)
    return _item(view, shot, name, {"lora": shot.lora}, apart)


def picture_id(prompt: str, state: State | None = None, apart: Sequence[str] = ()) -> str:
    """What a person calls a sample picture: ``epoch 3, weight 0.5, seed 7 · zorbl, forest``."""
    where = "without LoRA" if state is None else f"step {state.step}" if state.step else f"epoch {state.epoch}"
    return f"{', '.join([where, *apart])} · {prompt}"


def _item(view: View, shot: Shot, name: str, state: Mapping[str, Any], apart: Sequence[str] = ()) -> Item:
    """``state``: the parts that say which state of which training is worn; nothing without the LoRA.

    ``apart``: what sets it apart from other pictures of its prompt, for who lays them out.
    """
    drawn = {
        "prompt": shot.prompt,
        "negative": shot.negative,
        "seed": shot.seed,
        "steps": shot.steps,
        "cfg": float(shot.cfg),
        "size": list(shot.size),
        **({"sampler": shot.sampler} if shot.sampler else {}),
    }
    parts = {**basis.for_drawing(view), **{f"samples.{word}": value for word, value in drawn.items()}}
    worn: dict[str, Any] = {"lora": shot.lora, "weight": float(shot.weight), "epoch": shot.epoch}
    if state:
        parts |= {"samples.weight": float(shot.weight), **state}
        worn |= {"step": state["step"]} if "step" in state else {}
    if state and shot.blocks:
        parts, worn = {**parts, "blocks": dict(shot.blocks)}, {**worn, "blocks": dict(shot.blocks)}
    if state and shot.finished:
        said = {word: value for word, value in view.site.consumed().items() if word.startswith("finish.")}
        parts |= {word: value for word, value in said.items() if not word.endswith(".file")}
        parts |= {"merged": list(view.inventory.merged)} if view.inventory.merged else {}
        files = map(str, merged_files(view.site))
        worn |= {"finished": [list(pair) for pair in zip(files, view.inventory.merged, strict=True)]}
    return item("sample", name, parts, {**drawn, **worn, **({"apart": list(apart)} if apart else {})})


def _shot(view: View, said: Mapping[str, Any]) -> Shot:
    """What a prompt says, and the rest as ``samples:`` says it."""
    samples, side = view.project.samples, view.project.images.resolution
    usual = {
        word: getattr(samples, word) for word in ("negative", "steps", "cfg", "seed", "sampler", "width", "height")
    }
    words = {**usual, **{word: value for word, value in said.items() if word != "weight"}}
    size = words.pop("width") or side, words.pop("height") or side
    return Shot(**{**words, "size": size, "sampler": words["sampler"] or ""})


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
