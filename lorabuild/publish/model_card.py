"""The model card: ``README.md`` as the Hugging Face hub reads it, front matter first, and as any person reads it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

import lorabuild
from lorabuild.publish import dataset, network, slider, usage
from lorabuild.publish.facts import once, resolution
from lorabuild.schema.families import FACTS
from lorabuild.schema.plain import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.publish.facts import Run
    from lorabuild.schema.project import Project

TEMPLATE = "card.md.j2"
LICENSES = (
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bigscience-bloom-rail-1.0", "bigscience-openrail-m",
    "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "creativeml-openrail-m", "epl-2.0",
    "eupl-1.2", "gfdl", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "odbl", "ofl-1.1",
    "openrail", "openrail++", "osl-3.0", "pddl", "unlicense", "wtfpl", "zlib",
)  # fmt: skip
"""The hub's words for licences (hub-docs, ``license``), of those that a LoRA may have; others are ``other``."""
MOST_TAGS = 12


def card(project: Project, run: Run, pictures: Mapping[str, Mapping[str, Any]], files: Mapping[str, str]) -> bytes:
    """The page as UTF-8 Markdown.

    Args:
        project: the settings.
        run: the training and the checkpoint that is shipped.
        pictures: file name → what was drawn on it (``prompt``, ``negative``), of the shipped epoch.
        files: file name → what it is, of everything that is handed out.
    """
    told = _told(project, run, pictures, files)
    body = _environment().get_template(TEMPLATE).render(card=told)
    body = re.sub(r"\n{3,}", "\n\n", body).strip()
    return f"---\n{_front(project, run, pictures)}---\n\n{body}\n".encode()


@cache
def _environment() -> jinja2.Environment:
    """The template's folder; Markdown is escaped by the filters, its code stays as it is."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "code": code, "block": block}
    return environment


def _front(project: Project, run: Run, pictures: Mapping[str, Mapping[str, Any]]) -> str:
    """The front matter, in the words of the hub's model cards."""
    loads = not any(text.startswith("diffusers can't") for text in run.clients)
    family = FACTS[project.base.family].hub_tag
    words = {
        **_license(project.output.license),
        **({"base_model": run.base.hub, "base_model_relation": "adapter"} if run.base.hub else {}),
        "pipeline_tag": "text-to-image",
        **({"library_name": "diffusers"} if loads else {}),
        "tags": ["text-to-image", family, "lora", *(["diffusers"] if loads else []), "template:sd-lora"],
        **({"instance_prompt": asked} if (asked := usage.asking(project)) else {}),
    }
    widget = [f"- {_flow(_widget(name, drawn))}" for name, drawn in pictures.items()]
    lines = [f"{word}: {_flow(value)}" for word, value in words.items()] + (["widget:", *widget] if widget else [])
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """A value on one line of YAML; every text in quotes, so that each reader takes it as one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{word}: {_flow(entry)}" for word, entry in value.items()) + "}"
    return "[" + ", ".join(map(_flow, value)) + "]" if isinstance(value, list) else in_quotes(value)


def _license(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    word = text.strip().lower()
    return {"license": word} if word in LICENSES else {"license": "other", "license_name": "-".join(word.split())}


def _widget(name: str, drawn: Mapping[str, Any]) -> dict[str, Any]:
    negative = {"parameters": {"negative_prompt": drawn["negative"]}} if drawn.get("negative") else {}
    return {"text": drawn["prompt"], **negative, "output": {"url": name}}


def _told(
    project: Project, run: Run, pictures: Mapping[str, Mapping[str, Any]], files: Mapping[str, str]
) -> dict[str, Any]:
    """What the template shows."""
    samples, name = project.samples, f"{project.name}.safetensors"
    prompt = next((drawn["prompt"] for drawn in pictures.values()), usage.asking(project))
    clients = run.clients
    loads = not any(text.startswith("diffusers can't") for text in clients)
    beside = [other for other in (f"{project.name}.json", f"{project.name}.png") if other in files]
    return {
        "title": project.output.title or project.name,
        "description": (project.output.description or "").strip(),
        "widget": bool(pictures),
        "picture": next(
            (f"{project.name}{end}" for end in ("-grid.png", ".png") if f"{project.name}{end}" in files), ""
        ),
        "pictured": "Prompts by strength" if project.slider else "Prompts by epoch, without the LoRA first",
        "slider": [*map(slider.led, project.slider.targets)] if project.slider else [],
        "advice": slider.advice(project.slider) if project.slider else "",
        "concepts": [(one, ", ".join(each.triggers)) for one, each in project.concepts.items() if each.triggers],
        "tags": _seen(project, run),
        "weight": network.weight(project),
        "negative": samples.negative,
        "file": name,
        "for_webui": [name, *beside],
        "webui": f"<lora:{project.name}:{network.weight(project):g}> {prompt}",
        "prompt": prompt,
        "base": run.base.name,
        "hub": run.base.hub,
        "diffusers": usage.script(project, prompt, base=run.base.hub or run.base.name, folder=".") if loads else "",
        "clients": clients,
        "done": run.done,
        "finished": bool(project.slider) or any("finished" in drawn for drawn in pictures.values()),
        "facts": facts(project, run),
        "files": list(files.items()),
    }


def _seen(project: Project, run: Run) -> list[str]:
    """The tags that stand in most captions, without the triggers."""
    counts: Counter[str] = Counter()
    for tags in dataset.tag_table(run.images).values():
        counts.update({tag: count for tag, count in tags.items() if tag not in project.triggers})
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [tag for tag, count in ordered[:MOST_TAGS] if count > 1]


def facts(project: Project, run: Run) -> list[tuple[str, str]]:
    """How it was trained: (name, value) in the order in which a person asks."""
    training = project.training
    shown = {image.id for image in once(run.images)}
    named = len({image.concept for image in run.images})
    seen = f"{len(shown)} in {named} concept{'s' if named != 1 else ''}" if shown else "none: a slider"
    priors = [("regularization pictures", str(len(run.priors)))] if run.priors else []
    rows = [
        ("base model", run.base.hub or f"{run.base.name}, of the kind of {FACTS[project.base.family].civitai}"),
        ("network", network.line(project.network)),
        ("images", seen),
        *priors,
        ("resolution", resolution(project)),
        ("epoch", f"{run.epoch} of {run.epochs}"),
        ("optimizer steps", f"{run.steps}, batch {training.batch * training.accumulation}"),
        ("optimizer", f"{training.optimizer.type}, learning rate {training.optimizer.lr:g}"),
        ("schedule", training.schedule.type.replace("_", " ")),
        ("trained in", f"{training.precision}, handed out in {project.output.precision}"),
        ("seed", str(training.seed)),
        *[("then", step) for step in run.done],
    ]
    author = [("by", project.output.author)] if project.output.author else []
    license_ = [("licence", project.output.license)] if project.output.license else []
    return [*rows, *author, *license_, ("made with", f"lorabuild {lorabuild.__version__}")]


def files(project: Project, run: Run, beside: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, str]:
    """File name → what it is, in a few words; ``beside`` are the epochs that are handed out, too."""
    name = project.name
    known = {
        f"{name}.safetensors": f"the LoRA: epoch {run.epoch} of {run.epochs}, {run.steps} optimizer steps",
        **{
            f"{name}-{other['epoch']:06d}.safetensors": f"epoch {other['epoch']}, {other['steps']} optimizer steps"
            for other in beside
        },
        f"{name}.json": "what AUTOMATIC1111 and Forge write into the prompt",
        f"{name}.civitai.info": "the same for helper plug-ins that know Civitai",
        f"{name}.png": "its preview",
        f"{name}-grid.png": "all sample pictures",
    }
    return {one: known[one] for one in names if one in known}


def plain(text: str) -> str:
    """Text that means only itself in Markdown, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """A code span, fit for a table: its fence is longer than any row of backticks in it."""
    text = " ".join(text.split()).replace("|", r"\|")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def block(text: str, language: str = "") -> str:
    """A fenced block of code."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"
