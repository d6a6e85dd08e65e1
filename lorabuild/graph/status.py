"""``status``: the project as it stands, without building anything – images, buckets, repeats, what is up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance.buckets import bucket_of
from lorabuild.graph import balancing
from lorabuild.graph.members import members, size_of
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    from lorabuild.graph.view import View

CAREFUL = ("scan", "prepare", "tag", "caption", "latents")  # stages that set an image aside instead of failing


def status(view: View) -> dict[str, Any]:
    """Everything that ``status --json`` prints."""
    return {
        "name": view.project.name,
        "clean": all(view.step(stage).clean for stage in STAGES),
        "stages": [_stage(view, stage) for stage in STAGES],
        "concepts": balancing.table(view).as_dict()["concepts"],
        "images": images(view),
        "aside": aside(view),
    }


def up_to_date(name: str, aside: int) -> str:
    """What a build says that had nothing to do."""
    left = f" ({aside} set aside: `lorabuild status` names them)" if aside else ""
    return f"{name} is up to date – nothing to do{left}"


def _stage(view: View, stage: str) -> dict[str, Any]:
    step = view.step(stage)
    todo = len(step.todo) + len(step.waiting)
    return {"name": stage, "total": step.total, "todo": todo, "reused": step.total - todo}


def images(view: View) -> list[dict[str, Any]]:
    """One entry an image and concept, whether or not it was built before."""
    repeats, sizes = balancing.table(view).repeats, balancing.sizes(view)
    found = []
    for member in members(view):
        scanned = view.made("scan").get(member.file.path)
        width, height = size_of(view, member.file) or (None, None)
        caption = view.made("caption").get(member.id)
        found.append(
            {
                "path": member.file.path,
                "concept": member.concept,
                "width": width,
                "height": height,
                "bucket": list(bucket_of(width, height, sizes)) if width and height else None,
                "file_digest": member.file.digest,
                "pixel_digest": scanned.facts["pixels"] if scanned else None,
                "tags": list(caption.facts["tags"]) if caption else None,
                "caption": caption.facts["caption"] if caption else None,
                "repeats": 0 if member.twin else repeats[member.concept],
                "twin_of": member.twin,
            }
        )
    return found


def aside(view: View, stages: tuple[str, ...] = CAREFUL) -> list[dict[str, str]]:
    """What was set aside in these stages: file or item, the stage that did it, and why."""
    unread = view.inventory.files.values() if "scan" in stages else ()
    found = {(file.path, "scan"): file.problem for file in unread if file.problem}
    for stage in stages:
        found |= {(name, stage): result.problem for name, result in view.made(stage).items() if result.problem}
    return [
        {"item": name, "stage": stage, "problem": problem or ""} for (name, stage), problem in sorted(found.items())
    ]
