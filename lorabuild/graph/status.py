"""``status``: the project as it stands, without building anything – images, buckets, repeats, what is up to date."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lorabuild.core.holdings import quick_bytes
from lorabuild.graph import balancing
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import captioned, members
from lorabuild.graph.order import LAST, OF_IMAGES, STAGES
from lorabuild.graph.variants import file_name, own, told
from lorabuild.schema.resolutions import resolutions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.graph.view import View


def status(view: View) -> dict[str, Any]:
    """Everything that ``status --json`` prints."""
    history, table = view.store.history(), balancing.table(view).as_dict()
    return {
        "name": view.project.name,
        "clean": all(one.step(stage).clean for one in view.all() for stage in STAGES),
        "stages": [_stage(view, stage) for stage in STAGES],
        "concepts": table["concepts"],
        **({"targets": table["targets"]} if "targets" in table else {}),
        "images": images(view),
        "aside": aside(view),
        "outputs": outputs(view, history),
        "missing": missing(view),
        "last_build": last_build(history),
        "store": {"bytes": quick_bytes(view.store), "builds": len(history)},
        **told(view),
    }


def last_build(history: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The last build: ``number``, ``made`` (seconds since 1970, or None), ``seconds``, ``ran`` (stage → items)."""
    rows = [row for row in history if not row.get("found")]
    if not rows:
        return None
    stages = rows[-1].get("stages", {})
    return {
        "number": rows[-1]["number"],
        "made": rows[-1].get("made"),
        "seconds": round(sum(counts["seconds"] for counts in stages.values()), 1),
        "ran": {stage: stages[stage]["ran"] for stage in STAGES if stages.get(stage, {}).get("ran")},
    }


def outputs(view: View, history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``[{"path", "bytes"}]`` of the files that were handed out last and still lie in the output folder."""
    handed = [row["outputs"] for row in history if row.get("outputs")]
    found = []
    for entry in handed[-1] if handed else ():
        with suppress(OSError):
            found.append({"path": entry["path"], "bytes": view.site.path(entry["path"]).stat().st_size})
    return found


def missing(view: View) -> list[str]:
    """Paths of the files that the project hands out as it stands, all of it being made, and that don't lie there."""
    found = []
    for one, stage in product(view.all(), ("package", LAST)):
        if one.step(stage).clean:
            names = (file_name(one, name) for result in one.made(stage).values() for name in result.outputs)
            found += [(PurePosixPath(one.project.output.folder) / name).as_posix() for name in names]
    return [path for path in sorted(found) if not view.site.path(path).exists()]


def several(paths: Sequence[str]) -> str:
    """``out/t.png``; ``out/t.png and 3 more``."""
    return paths[0] + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def up_to_date(name: str, aside: int) -> str:
    """What a build says that had nothing to do."""
    left = f" ({aside} set aside: `lorabuild status` names them)" if aside else ""
    return f"{name} is up to date – nothing to do{left}"


def _stage(view: View, stage: str) -> dict[str, Any]:
    steps = [own(one, stage) for one in view.all()]
    total, todo = sum(step.total for step in steps), sum(len(step.todo) + len(step.waiting) for step in steps)
    return {"name": stage, "total": total, "todo": todo, "reused": total - todo}


def images(view: View) -> list[dict[str, Any]]:
    """One entry an image, concept and resolution, whether or not it was built before."""
    told, found, several = captioned(view), [], len(resolutions(view.project)) > 1
    for member in members(view):
        width, height = member.size or (None, None)
        found += [
            {
                "path": member.path,
                "concept": member.concept,
                "width": width,
                "height": height,
                "bucket": list(fit.bucket) if width and height else None,
                **({"resolution": fit.resolution} if several else {}),
                "file_digest": member.file,
                "pixel_digest": member.scanned,
                "tags": list(told[member.id]["tags"]) if member.id in told else None,
                "caption": member.caption,
                "repeats": 0 if member.twin or member.id in held_out(view) else balancing.repeats(view, member),
                "twin_of": member.twin,
                "steps": list(member.done),
            }
            for fit in balancing.fits(view, member)
        ]
    return found


def aside(view: View, stages: tuple[str, ...] = OF_IMAGES) -> list[dict[str, str]]:
    """What was set aside in these stages: file or item, the stage that did it, and why."""
    unread = view.inventory.files.values() if "scan" in stages else ()
    found = {(file.path, "scan"): file.problem for file in unread if file.problem}
    for stage in (stage for stage in OF_IMAGES if stage in stages):
        found |= {(name, stage): result.problem for name, result in view.made(stage).items() if result.problem}
    return [
        {"item": name, "stage": stage, "problem": problem or ""} for (name, stage), problem in sorted(found.items())
    ]
