"""How to use the file: lines to copy for the web UI, ComfyUI and diffusers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.publish import slider
from lorabuild.publish.page import Usage
from lorabuild.publish.sidecars import main_triggers
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.project import Project


def usage(project: Project, clients: Sequence[str] = ()) -> Usage:
    """Lines for the first sample prompt, or for the main triggers where there is none.

    ``clients``: what is said of those that can't load the file; diffusers then gets no script.
    """
    samples = project.samples
    prompt = samples.prompts[0] if samples.prompts else _words(project)
    return Usage(
        webui=f"<lora:{project.name}:{samples.weight:g}> {prompt}",
        prompt=prompt,
        negative=samples.negative,
        weight=samples.weight,
        advice=slider.advice(project.slider) if project.slider else "",
        diffusers="" if any(text.startswith("diffusers can't") for text in clients) else script(project, prompt),
    )


def _words(project: Project) -> str:
    """What asks for the LoRA: the main triggers, or what the slider moves."""
    return project.slider.targets[0].target if project.slider else ", ".join(main_triggers(project))


def script(project: Project, prompt: str) -> str:
    """A diffusers script that draws the prompt."""
    pipeline, base, samples = FACTS[project.base.family].pipeline, project.base.model, project.samples
    load = "from_single_file" if base.endswith(".safetensors") else "from_pretrained"
    options = [f"{prompt!r}", f"num_inference_steps={samples.steps}", f"guidance_scale={samples.cfg:g}"]
    if samples.negative:
        options.insert(1, f"negative_prompt={samples.negative!r}")
    if project.base.clip_skip > 1 and FACTS[project.base.family].layer is None:
        options.append(f"clip_skip={project.base.clip_skip - 1}")
    if samples.weight != 1 or project.slider:
        options.append(f'cross_attention_kwargs={{"scale": {samples.weight:g}}}')
    lines = [
        f"from diffusers import {pipeline}",
        f"pipe = {pipeline}.{load}({base!r})",
        f'pipe.load_lora_weights({project.output.folder!r}, weight_name="{project.name}.safetensors")',
        "image = pipe(",
        *(f"    {option}," for option in options),
        ").images[0]",
    ]
    return "\n".join(lines)
