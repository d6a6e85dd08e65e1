"""``modelspec.*``: the Stability model specification 1.0.1 (github.com/Stability-AI/ModelSpec)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import lorabuild
from lorabuild.publish.loss import timestep_range
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from lorabuild.publish.facts import Run
    from lorabuild.schema.project import Project

PREDICTION = {"epsilon": "epsilon", "v_prediction": "v"}
ARCHITECTURE = {"epsilon": "architecture", "v_prediction": "v_architecture"}


def words(project: Project, run: Run) -> dict[str, str]:
    """The words of the specification that have a true value; what the person left open is left out."""
    side, output, family = project.images.resolution, project.output, FACTS[project.base.family]
    known: dict[str, str | None] = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": getattr(family, ARCHITECTURE[run.base.prediction]),
        "modelspec.implementation": family.implementation,
        "modelspec.implementation_version": f"lorabuild/{lorabuild.__version__}",
        "modelspec.title": output.title or project.name,
        "modelspec.resolution": f"{side}x{side}",
        "modelspec.prediction_type": PREDICTION[run.base.prediction],
        "modelspec.encoder_layer": str(project.base.clip_skip),
        "modelspec.timestep_range": timestep_range(project.training.timesteps),
        "modelspec.author": output.author,
        "modelspec.description": output.description,
        "modelspec.license": output.license,
        "modelspec.trigger_phrase": ", ".join(project.triggers) or None,
        "modelspec.date": None if run.date is None else _iso(run.date),
    }
    return {word: value for word, value in known.items() if value}


def _iso(seconds: int) -> str:
    """ISO-8601 in UTC, without a zone, as the standard trainer writes it."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
