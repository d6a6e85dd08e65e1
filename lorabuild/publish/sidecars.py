"""Small files beside a LoRA: the one that the web UI (A1111, Forge) reads, and the sums of all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import lorabuild
from lorabuild.publish import network, slider
from lorabuild.publish.facts import once, resolution
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.publish.facts import Run
    from lorabuild.schema.project import Project


def main_triggers(project: Project) -> tuple[str, ...]:
    """The triggers that a click on the card writes into the prompt: those of the first concept that has any."""
    return next((concept.triggers for concept in project.concepts.values() if concept.triggers), ())


def card(project: Project, run: Run) -> bytes:
    """``<name>.json``: UTF-8 JSON with the words that the web UI knows, and no other."""
    words = {
        "description": project.output.description or project.output.title or project.name,
        "sd version": FACTS[project.base.family].webui,
        "activation text": ", ".join(main_triggers(project)),
        "preferred weight": network.weight(project),
        "negative text": project.samples.negative,
        "notes": notes(project, run),
    }
    return (json.dumps(words, ensure_ascii=False, indent=2) + "\n").encode()


def notes(project: Project, run: Run) -> str:
    """What a person wants to know before writing a prompt: the words of every concept, and how it was trained."""
    moved = [*map(slider.led, project.slider.targets), slider.advice(project.slider)] if project.slider else []
    named = {name: concept.triggers for name, concept in project.concepts.items() if concept.triggers}
    concepts = [f"{name}: {', '.join(triggers)}" for name, triggers in named.items()]
    shown = "a slider" if project.slider else f"{len(once(run.images))} images at {resolution(project)}"
    trained = f"{network.line(project.network)}; epoch {run.epoch} of {run.epochs}; {shown}; base {run.base.name}."
    author = [f"By {project.output.author}."] if project.output.author else []
    license_ = [f"Licence: {project.output.license}."] if project.output.license else []
    made = f"Made with lorabuild {lorabuild.__version__}."
    done = [f"Then {step}." for step in run.done]
    return "\n".join([*moved, *concepts, trained, *done, *run.clients, *author, *license_, made])


def sums(files: Mapping[str, str]) -> bytes:
    """``SHA256SUMS`` as ``sha256sum -c`` reads it. ``files``: name → sha256 hex."""
    return "".join(f"{sha}  {name}\n" for name, sha in sorted(files.items())).encode()
