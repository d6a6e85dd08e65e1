"""From the JSON of a finished build to the records that the report shows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import lorabuild
from lorabuild.balance import recipes
from lorabuild.publish import choice, facts, findings, grids, network, origin, sizes, timeline, usage
from lorabuild.publish import slider as sliding
from lorabuild.publish.page import Card, ConceptPart, Exposure, OutputFile, Picture, Probe, ReportData, StageLine, Twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lorabuild.publish.chart import Curves
    from lorabuild.publish.facts import Run, TrainedImage
    from lorabuild.publish.upset import Learning
    from lorabuild.schema.project import Project


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
        twins: (used, left out) pictures of two equal files, by the file that is left out.
        probes: what the base draws for a trigger, by trigger.
        cells: picture of each cell of a grid that there is room for, by the digest of its blob.
    """

    images: Mapping[tuple[str, str], Picture]
    samples: Mapping[str, Picture]
    curves: Curves | None = None
    losses: Sequence[tuple[int, float]] = ()
    validated: Mapping[int, float] = field(default_factory=dict)
    learning: Learning | None = None
    twins: Mapping[str, tuple[Picture, Picture]] = field(default_factory=dict)
    probes: Mapping[str, Picture] = field(default_factory=dict)
    cells: Mapping[str, Picture] = field(default_factory=dict)


def gather(project: Project, reads: Mapping[str, Any], drawings: Drawings) -> ReportData:
    """The page of a build; ``reads`` as the report stage documents them."""
    run, slider = facts.run_of(reads), project.slider
    drawn = (
        timeline.of_strengths(reads["pictures"], drawings.samples, run.epoch, slider)
        if slider
        else timeline.of_epochs(reads["pictures"], drawings.samples, run.epoch)
    )
    return ReportData(
        title=project.output.title or project.name,
        name=project.name,
        description=project.output.description,
        author=project.output.author,
        license=project.output.license,
        facts=tuple(summary(project, run, reads)),
        hero=drawn.hero,
        hero_prompt=drawn.rows[0].prompt if drawn.rows else "",
        usage=usage.usage(project, run.clients),
        timeline=drawn,
        curves=drawings.curves,
        stopped=reads.get("stopped", ""),
        epoch_losses=tuple(drawings.losses),
        validated=drawings.validated,
        shipped=run.epoch,
        concepts=concept_parts(project, run.images, drawings.images),
        triggers=exposures(project, reads["balance"]["triggers"], run),
        sizes=sizes.sizes(run.images),
        duplicates=tuple(twins(reads.get("duplicates", ()), drawings.twins)),
        aside=findings.aside(reads),
        findings=findings.findings(reads, run.clients, drawings.learning),
        probes=tuple(probes(project, reads, drawings.probes)),
        choice=choice.choice(reads.get("pick")),
        grids=grids.grids(reads.get("grids", ()), drawings.cells),
        stages=tuple(stage_lines(reads["stages"])),
        files=tuple(OutputFile(file["name"], file["sha256"], file["bytes"]) for file in reads["files"]),
        settings=tuple(flatten(project.model_dump(mode="json", by_alias=True))),
        version=lorabuild.__version__,
        origin=origin.origin(reads),
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
    yield "Images", f"{len(facts.once(run.images))} in {folders}, {facts.resolution(project)}{apart}"
    if run.priors:
        yield "Regularization", f"{len(run.priors)} pictures {_whose(project)}"
    yield "Steps", f"{steps['image']:,} image steps, {run.max_steps:,} optimizer steps"


def _whose(project: Project) -> str:
    """Where the regularization images come from."""
    return "of your own" if project.regularization and project.regularization.folder else "drawn by the base model"


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
        shares = (100 * looks / everything, cards, 100 * len(own) / everything)
        parts.append(ConceptPart(name, concept.triggers, len(facts.once(own)), repeated(own), looks, *shares))
    return tuple(parts)


def repeated(images: Sequence[TrainedImage]) -> int | str:
    """How often an epoch shows each: ``6``; ``2–6`` where they differ, ``6 × 2`` in two resolutions."""
    sizes = Counter(accumulate(not image.again for image in images))  # an image's further sizes follow its first one
    each, times = _span([image.repeats for image in images]), _span([*sizes.values()])
    return each if times in (0, 1) else f"{each} × {times}"


def _span(numbers: Sequence[int]) -> int | str:
    low, high = min(numbers, default=0), max(numbers, default=0)
    return high if low == high else f"{low}–{high}"


def card(image: TrainedImage, triggers: Sequence[str], picture: Picture | None) -> Card:
    """The caption's parts between commas, told apart into triggers and plain tags."""
    parts = [part for text in image.caption.split(",") if (part := text.strip())]
    own = tuple(part for part in parts if part in triggers)
    return Card(image, own, tuple(part for part in parts if part not in triggers), picture)


def exposures(project: Project, table: Sequence[Mapping[str, Any]], run: Run) -> tuple[Exposure, ...]:
    """How often each trigger is seen, beside the most that it should be."""
    everything = sum(image.repeats for image in run.images) or 1
    most = recipes.most(project.training.optimizer.type)
    return tuple(
        Exposure(
            row["name"],
            project.triggers[row["name"]].kind,
            row["per_epoch"],
            row["total"],
            100 * row["per_epoch"] / everything,
            100 * row["total"] / most,
        )
        for row in table
    )


def twins(found: Sequence[Mapping[str, Any]], drawn: Mapping[str, tuple[Picture, Picture]]) -> Iterable[Twins]:
    """Pictures that are equal or alike, those of which there is a picture."""
    for entry in found:
        if entry["left"] in drawn:
            kind = entry.get("kind", "same")
            yield Twins(entry["concept"], entry["used"], entry["left"], drawn[entry["left"]], kind)


def probes(project: Project, reads: Mapping[str, Any], drawn: Mapping[str, Picture]) -> Iterable[Probe]:
    """What the base made of the triggers before they were trained, in the order of lora.yaml."""
    answers = reads.get("probe", {}).get("answers", {})
    return (Probe(name, answers.get(name), drawn[name]) for name in project.triggers if name in drawn)


def stage_lines(lines: Sequence[Mapping[str, Any]]) -> Iterable[StageLine]:
    """What each stage did; bars show its part of the time."""
    longest = max((line["seconds"] for line in lines), default=0.0) or 1.0
    for line in lines:
        yield StageLine(line["name"], line["ran"], line["reused"], line["seconds"], 100 * line["seconds"] / longest)


def flatten(value: Any, place: str = "") -> Iterable[tuple[str, str]]:
    """Settings as (dotted word, value), as they stand after defaults; what is unset is left out."""
    if isinstance(value, dict):
        for word, entry in value.items():
            yield from flatten(entry, f"{place}.{word}" if place else word)
    elif value is not None and value != []:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
