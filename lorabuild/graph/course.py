"""How far a training goes and what is drawn of it, of a LoRA and of a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance.slider import prompts
from lorabuild.training.batches import epoch_sizes, epoch_steps, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.schema.project import Project


def epochs(project: Project) -> int:
    """How many epochs there are, each with a checkpoint at its end; a slider's are ``every`` optimizer steps long."""
    slider = project.slider
    return slider.steps // slider.every if slider else project.budget.epochs


def steps(project: Project, read: Iterable[Mapping[str, Any]], number: int | None = None) -> tuple[int, int]:
    """Image steps and optimizer steps of so many epochs, else all, of these records, as the training itself counts."""
    training, found, number = project.training, records(read), number or epochs(project)
    looks = sum(sizes.total() for sizes in epoch_sizes(found, number, training.seed))
    return looks, sum(epoch_steps(found, number, training.batch, training.accumulation, training.seed))


def strengths(project: Project) -> tuple[float, ...]:
    """The strengths at which samples are drawn with the LoRA; 0 is the base and drawn without it."""
    slider, samples = project.slider, project.samples
    return tuple(one for one in slider.strengths if one) if slider else samples.weights or (samples.weight,)


def slider_texts(project: Project) -> set[str]:
    """Every prompt that a slider learns from; none of a LoRA."""
    return {text for target in project.slider.targets for text in prompts(target)} if project.slider else set()
