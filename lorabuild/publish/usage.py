"""How to use the file: lines to copy for the web UI, ComfyUI and diffusers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.publish import network, slider
from lorabuild.publish.page import Usage
from lorabuild.publish.sidecars import main_triggers
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.project import Project


def usage(project: Project, clients: Sequence[str] = ()) -> Usage:
    """Lines for the first sample prompt that has nothing to fill in, or for the main triggers where there is none.

    ``clients``: what is said of those that can't load the file; diffusers then gets no script.
    """
    samples = project.samples
    whole = (one.prompt for one in samples.prompts if "{" not in one.prompt)
    prompt = next(whole, None) or asking(project)
    return Usage(
        webui=f"<lora:{project.name}:{network.weight(project):g}> {prompt}",
        prompt=prompt,
        negative=samples.negative,
        weight=network.weight(project),
        advice=slider.advice(project.slider) if project.slider else "",
        diffusers="" if any(text.startswith("diffusers can't") for text in clients) else script(project, prompt),
    )


def asking(project: Project) -> str:
    """What asks for the LoRA: the main triggers, or what the slider moves."""
    return project.slider.targets[0].target if project.slider else ", ".join(main_triggers(project))


def script(project: Project, prompt: str, *, base: str | None = None, folder: str | None = None) -> str:
    """A diffusers script that draws the prompt; base model and folder as lora.yaml writes them, or as is said here."""
    pipeline, samples = FACTS[project.base.family].pipeline, project.samples
    base, folder = base or project.base.model, folder or project.output.folder
    load = "from_single_file" if base.endswith(".safetensors") else "from_pretrained"
    options = [f"{prompt!r}", f"num_inference_steps={samples.steps}", f"guidance_scale={samples.cfg:g}"]
    if samples.negative:
        options.insert(1, f"negative_prompt={samples.negative!r}")
    if project.base.clip_skip > 1 and FACTS[project.base.family].layer is None:
        options.append(f"clip_skip={project.base.clip_skip - 1}")
    if (weight := network.weight(project)) != 1 or project.slider:
        options.append(f'cross_attention_kwargs={{"scale": {weight:g}}}')
    lines = [
        "import torch",
        f"from diffusers import {pipeline}",
        # said, since a base that is stored as fp16 is otherwise loaded in two kinds of numbers
        f"pipe = {pipeline}.{load}({base!r}, torch_dtype=torch.float32)  # float16 on a GPU",
        f'pipe.load_lora_weights({folder!r}, weight_name="{project.name}.safetensors")',
        "image = pipe(",
        *(f"    {option}," for option in options),
        ").images[0]",
    ]
    return "\n".join(lines)
