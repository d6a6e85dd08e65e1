"""Epochs that are to be handed out and that no training could leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded


def output(loaded: Loaded) -> Iterator[Problem]:
    """Numbers in ``output.epochs`` that are behind the last epoch, or before those that are kept."""
    project = loaded.project
    last = project.slider.steps // project.slider.every if project.slider else project.budget.epochs
    first = max(1, last - (project.training.keep_checkpoints or last) + 1)
    for word in project.output.epochs:
        if word != "all" and not first <= int(word) <= last:
            kept = f"only {first} to {last} are kept" if int(word) <= last else f"the training has {last}"
            hint = f"write numbers from {first} to {last}, or `all`"
            yield Problem(loaded.where("output.epochs"), f"there will be no epoch {word}: {kept}", hint)
