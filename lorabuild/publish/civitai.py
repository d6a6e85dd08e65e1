"""``name.civitai.info``: what helper plug-ins of the web UI show of a LoRA, in the words of Civitai's interface.

Facts only: what the site itself would add (ids, addresses, ratings) is left out, and the plug-ins take that as unknown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import digest
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lorabuild.publish.facts import Run
    from lorabuild.schema.network import Network
    from lorabuild.schema.project import Project

PLAIN = ("lora", "dylora", "lora_fa")


def info(project: Project, run: Run, file: Mapping[str, Any], drawn: Iterable[Mapping[str, Any]]) -> bytes:
    """UTF-8 JSON of one version of the model.

    Args:
        project: the settings.
        run: the training and the checkpoint that is shipped.
        file: ``name``, ``data``, ``sha256`` (hex) and ``tensors`` (hex of the tensors alone) of the .safetensors.
        drawn: the shipped epoch's pictures: ``prompt``, and what of ``size``, ``seed``, … isn't as lora.yaml says.
    """
    family, output = FACTS[project.base.family], project.output
    version = {
        "name": f"epoch {run.epoch} of {run.epochs}",
        "baseModel": family.v_civitai if run.base.prediction == "v_prediction" else family.civitai,
        "description": output.description,
        "trainedWords": list(project.triggers),
        "model": {"name": output.title or project.name, "type": kind(project.network)},
        "files": [_file(project, file)],
        "images": [_image(project, one) for one in drawn],
    }
    return (json.dumps(version, ensure_ascii=False, indent=2) + "\n").encode()


def kind(network: Network) -> str:
    """What the site calls a network."""
    found: Any = network
    if getattr(found, "dora", False):
        return "DoRA"
    return "LORA" if network.type in PLAIN else "LoCon"


def _file(project: Project, file: Mapping[str, Any]) -> dict[str, Any]:
    sha, tensors = file["sha256"].upper(), file["tensors"].upper()
    blake = digest(file["data"]).removeprefix("b3:").upper()
    return {
        "name": file["name"],
        "sizeKB": len(file["data"]) / 1024,
        "type": "Model",
        "primary": True,
        "metadata": {"format": "SafeTensor", "fp": project.output.precision},
        "hashes": {"SHA256": sha, "AutoV2": sha[:10], "AutoV3": tensors[:12], "BLAKE3": blake},
    }


def _image(project: Project, drawn: Mapping[str, Any]) -> dict[str, Any]:
    samples, side = project.samples, project.images.resolution
    width, height = drawn.get("size", (side, side))
    meta = {
        "prompt": drawn["prompt"],
        "negativePrompt": drawn.get("negative", samples.negative),
        "seed": drawn.get("seed", samples.seed),
        "steps": drawn.get("steps", samples.steps),
        "cfgScale": drawn.get("cfg", samples.cfg),
    }
    return {"type": "image", "width": width, "height": height, "meta": meta}
