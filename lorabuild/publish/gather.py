"""From the JSON of a finished build to the records that the report shows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lorabuild
from lorabuild.publish import facts, network, usage
from lorabuild.publish import slider as sliding
from lorabuild.publish.page import (
    BucketBar,
    Card,
    ConceptPart,
    Drawn,
    Exposure,
    Note,
    OutputFile,
    Picture,
    PromptRow,
    ReportData,
    StageLine,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lorabuild.publish.chart import Curves
    from lorabuild.publish.facts import Run, TrainedImage
    from lorabuild.publish.upset import Learning
    from lorabuild.schema.project import Project
    from lorabuild.schema.slider import Slider


@dataclass(frozen=True, slots=True)
class Drawings:
    """What other rooms made for the page: small pictures and the loss.

    Attributes:
        images: picture of each training image that the page shows, by (concept, image id).
        samples: picture of each sample, by the digest of its blob.
        curves: of the loss and the learning rates, if there was a training of two steps or more.
        losses: (epoch, mean loss).
        validated: epoch → loss on the images that are held out.
        learning: what the triggers have learned.
    """

    images: Mapping[tuple[str, str], Picture]
    samples: Mapping[str, Picture]
    curves: Curves | None = None
    losses: Sequence[tuple[int, float]] = ()
    validated: Mapping[int, float] = field(default_factory=dict)
    learning: Learning | None = None


def gather(project: Project, reads: Mapping[str, Any], drawings: Drawings) -> ReportData:
    """The page of a build; ``reads`` as the report stage documents them."""
    run = facts.run_of(reads)
    slider = project.slider
    samples = (
        slider_rows(reads["pictures"], drawings.samples, run.epoch, slider)
        if slider
        else prompt_rows(reads["pictures"], drawings.samples, run.epoch)
    )
    return ReportData(
        title=project.output.title or project.name,
        name=project.name,
        description=project.output.description,
        author=project.output.author,
        license=project.output.license,
        facts=tuple(summary(project, run, reads)),
        hero=_ends(samples) if slider else _hero(samples),
        hero_prompt=samples[0].prompt if samples else "",
        usage=usage.usage(project, run.clients),
        samples=samples,
        curves=drawings.curves,
        stopped=reads.get("stopped", ""),
        epoch_losses=tuple(drawings.losses),
        validated=drawings.validated,
        shipped=run.epoch,
        concepts=concept_parts(project, run.images, drawings.images),
        triggers=exposures(project, reads["balance"]["triggers"], run),
        buckets=bucket_bars(run.images),
        aside=tuple(Note(entry["item"], entry["stage"], entry["problem"]) for entry in reads["aside"]),
        warnings=(
            *(Note("network", "client", text) for text in run.clients),
            *(Note(entry["item"], entry["code"], entry["text"]) for entry in reads["balance"]["warnings"]),
        ),
        stages=tuple(StageLine(line["name"], line["ran"], line["reused"], line["seconds"]) for line in reads["stages"]),
        files=tuple(OutputFile(file["name"], file["sha256"], file["bytes"]) for file in reads["files"]),
        settings=tuple(flatten(project.model_dump(mode="json", by_alias=True))),
        version=lorabuild.__version__,
        targets=tuple(map(sliding.led, slider.targets)) if slider else (),
        learning=drawings.learning,
    )


def summary(project: Project, run: Run, reads: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The first table of the page: what it is and what it was made from."""
    steps = reads["balance"]["steps"]
    yield "Base model", f"{run.base.name} ({project.base.family}, clip skip {project.base.clip_skip})"
    yield "Network", network.line(project.network)
    if project.slider:
        yield "Strengths", " to ".join(map(sliding.shown, sliding.ends(project.slider)))
        yield "Shipped", f"step {run.epoch * project.slider.every} of {project.slider.steps}"
    else:
        yield from _pictured(project, run, steps)
    optimizer, schedule = project.training.optimizer, project.training.schedule
    yield "Optimizer", f"{optimizer.type}, lr {optimizer.lr:g}, {schedule.type.replace('_', ' ')}"
    yield "Train key", run.train_key.removeprefix("b3:")[:12]


def _pictured(project: Project, run: Run, steps: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    """What of that table is about images."""
    yield "Shipped", f"epoch {run.epoch} of {run.epochs}"
    folders = f"{len(project.concepts)} concept{'s' * (len(project.concepts) != 1)}"
    apart = f"; {run.held} more held out, to validate it on" if run.held else ""
    yield "Images", f"{len(run.images)} in {folders}, {project.images.resolution} px{apart}"
    if run.priors:
        yield "Regularization", f"{len(run.priors)} pictures {_whose(project)}"
    yield "Steps", f"{steps['image']:,} image steps, {run.max_steps:,} optimizer steps"


def _whose(project: Project) -> str:
    """Where the regularization images come from."""
    return "of your own" if project.regularization and project.regularization.folder else "drawn by the base model"


def prompt_rows(
    pictures: Sequence[Mapping[str, Any]], drawn: Mapping[str, Picture], shipped: int
) -> tuple[PromptRow, ...]:
    """The sample pictures by prompt, in the order of lora.yaml."""
    several = len({entry["weight"] for entry in pictures if entry["epoch"]}) > 1
    rows: dict[str, list[Drawn]] = {}
    for entry in sorted(pictures, key=lambda entry: (entry["epoch"], entry["weight"])):
        weight = f" · weight {entry['weight']:g}" if several else ""
        label = f"epoch {entry['epoch']}{weight}" if entry["epoch"] else "without LoRA"
        cell = Drawn(label, drawn[entry["picture"]], entry["epoch"] == shipped)
        rows.setdefault(entry["prompt"], []).append(cell)
    prompts = dict.fromkeys(entry["prompt"] for entry in pictures)
    return tuple(PromptRow(prompt, tuple(rows[prompt])) for prompt in prompts)


def slider_rows(
    pictures: Sequence[Mapping[str, Any]], drawn: Mapping[str, Picture], shipped: int, slider: Slider
) -> tuple[PromptRow, ...]:
    """A slider's pictures by prompt and checkpoint, the lowest strength first; the shipped checkpoint first of all."""
    rows = sorted(sliding.layout(pictures, slider), key=lambda row: row.epoch != shipped)
    return tuple(PromptRow(row.name, tuple(_at_strengths(row, drawn))) for row in rows)


def _at_strengths(row: sliding.Row, drawn: Mapping[str, Picture]) -> Iterator[Drawn]:
    for strength, entry in row.pictures.items():
        label = f"strength {sliding.shown(strength)}" if strength else "0, without it"
        yield Drawn(label, drawn[entry["picture"]], shipped=False)


def _ends(samples: Sequence[PromptRow]) -> tuple[Drawn, ...]:
    """The first prompt at both ends of the slider."""
    return (samples[0].pictures[0], samples[0].pictures[-1]) if samples else ()


def _hero(samples: Sequence[PromptRow]) -> tuple[Drawn, ...]:
    """The first prompt without the LoRA and with the shipped epoch, where both were drawn."""
    if not samples:
        return ()
    without = [cell for cell in samples[0].pictures if cell.label == "without LoRA"][:1]
    return (*without, *[cell for cell in samples[0].pictures if cell.shipped][:1])


def concept_parts(
    project: Project, images: Sequence[TrainedImage], drawn: Mapping[tuple[str, str], Picture]
) -> tuple[ConceptPart, ...]:
    """The concepts in the order of lora.yaml. Cards are shown of the images that a picture was made of."""
    everything = sum(image.repeats for image in images) or 1
    parts = []
    for name, concept in project.concepts.items():
        own = [image for image in images if image.concept == name]
        looks = sum(image.repeats for image in own)
        shown = [image for image in own if (name, image.id) in drawn]
        cards = tuple(card(image, concept.triggers, drawn[name, image.id]) for image in shown)
        repeats = own[0].repeats if own else 0
        parts.append(ConceptPart(name, concept.triggers, len(own), repeats, looks, 100 * looks / everything, cards))
    return tuple(parts)


def card(image: TrainedImage, triggers: Sequence[str], picture: Picture | None) -> Card:
    """The caption's parts between commas, told apart into triggers and plain tags."""
    parts = [part for text in image.caption.split(",") if (part := text.strip())]
    own = tuple(part for part in parts if part in triggers)
    return Card(image, own, tuple(part for part in parts if part not in triggers), picture)


def exposures(project: Project, table: Sequence[Mapping[str, Any]], run: Run) -> tuple[Exposure, ...]:
    """How often each trigger is seen."""
    everything = sum(image.repeats for image in run.images) or 1
    return tuple(
        Exposure(
            row["name"],
            project.triggers[row["name"]].kind,
            row["per_epoch"],
            row["total"],
            100 * row["per_epoch"] / everything,
        )
        for row in table
    )


def bucket_bars(images: Sequence[TrainedImage]) -> tuple[BucketBar, ...]:
    """Images by bucket, the fullest first."""
    counts = Counter(image.bucket for image in images)
    most = max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(BucketBar(*size, count, 100 * count / most) for size, count in ordered)


def flatten(value: Any, place: str = "") -> Iterable[tuple[str, str]]:
    """Settings as (dotted word, value), as they stand after defaults; what is unset is left out."""
    if isinstance(value, dict):
        for word, entry in value.items():
            yield from flatten(entry, f"{place}.{word}" if place else word)
    elif value is not None and value != []:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
