"""What is known of a finished training when it is packed: plain records, filled by the stages from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.schema.resolutions import resolutions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.schema.project import Project


@dataclass(frozen=True, slots=True)
class TrainedImage:
    """One image of one concept as it was trained on.

    ``width`` and ``height`` are those of the prepared image, ``bucket`` what it was fitted to (pixels, width first).
    ``caption`` is the text that was trained on; ``pruned`` holds (tag, trigger that absorbed it). ``again``: it is here
    a second time, in a further resolution. ``resolution``: the one of its bucket; 0 where there is but one.
    """

    id: str
    concept: str
    width: int
    height: int
    bucket: tuple[int, int]
    repeats: int
    caption: str
    tags: tuple[str, ...] = ()
    pruned: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    human: bool = False
    again: bool = False
    resolution: int = 0


@dataclass(frozen=True, slots=True)
class Prior:
    """One regularization picture: its size in pixels, how often an epoch looks at it, its resolution as an image's."""

    bucket: tuple[int, int]
    repeats: int
    resolution: int = 0


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """The base model: a name without folders, the path of a single file, what it predicts, and of what noise.

    ``prediction`` is ``epsilon`` or ``v_prediction``; ``zero_terminal_snr``: its noise ends without any signal;
    ``hub``: its id on the Hugging Face hub, where it is from there.
    """

    name: str
    path: str | None = None
    prediction: str = "epsilon"
    zero_terminal_snr: bool = False
    hub: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A finished training and the checkpoint of it that is shipped.

    Attributes:
        train_key: key of the train item, ``b3:…``.
        epoch: epoch of the shipped checkpoint, from 1.
        epochs: epochs of the whole run.
        steps: optimizer steps up to this checkpoint.
        max_steps: optimizer steps of the whole run.
        batches: batches an epoch, where known.
        base: the base model.
        buckets: shortest and longest side of a bucket in pixels.
        images: what was trained on.
        priors: regularization pictures.
        clients: what some programs can't do with this file, a sentence each.
        held: images that were kept back for the validation loss.
        done: what was done to it since, by ``finish:``, a step each.
        date: seconds since 1970 when the person fixed a date (SOURCE_DATE_EPOCH), else None: files carry no clock.
    """

    train_key: str
    epoch: int
    epochs: int
    steps: int
    max_steps: int
    batches: int | None
    base: BaseFacts
    buckets: tuple[int, int]
    images: tuple[TrainedImage, ...]
    priors: tuple[Prior, ...] = ()
    date: int | None = None
    held: int = 0
    clients: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


def run_of(reads: Mapping[str, Any]) -> Run:
    """The run that an item's ``reads`` describe; the words are those of :class:`Run` and its parts."""
    low, high = reads["buckets"]
    return Run(
        train_key=reads["train_key"],
        epoch=reads["epoch"],
        epochs=reads["epochs"],
        steps=reads["steps"],
        max_steps=reads["max_steps"],
        batches=reads["batches"],
        base=BaseFacts(**reads["base"]),
        buckets=(low, high),
        images=tuple(image_of(image) for image in reads["images"] if image["repeats"]),
        priors=tuple(Prior(**{**prior, "bucket": tuple(prior["bucket"])}) for prior in reads["priors"]),
        date=reads["date"],
        held=reads.get("held", 0),
        clients=tuple(reads.get("clients", ())),
    )


def image_of(facts: Mapping[str, Any]) -> TrainedImage:
    """One image of the list; words beyond those of :class:`TrainedImage` are left alone."""
    width, height = facts["bucket"]
    return TrainedImage(
        id=facts["id"],
        concept=facts["concept"],
        width=facts["width"],
        height=facts["height"],
        bucket=(width, height),
        repeats=facts["repeats"],
        caption=facts["caption"],
        tags=tuple(facts["tags"]),
        pruned=tuple((tag, trigger) for tag, trigger in facts["pruned"]),
        dropped=tuple(facts["dropped"]),
        human=facts["human"],
        again=facts.get("again", False),
        resolution=facts.get("resolution", 0),
    )


def once(images: Iterable[TrainedImage]) -> list[TrainedImage]:
    """Each image once, whatever its resolutions."""
    return [image for image in images if not image.again]


def resolution(project: Project) -> str:
    """Every resolution that is trained: ``512 px``, ``512 and 768 px``."""
    return f"{' and '.join(map(str, resolutions(project)))} px"
