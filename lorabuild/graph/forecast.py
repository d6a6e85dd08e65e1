"""``plan`` and ``why``: the build's own planning, with nothing executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph import balancing
from lorabuild.graph.explain import reasons
from lorabuild.graph.members import members
from lorabuild.graph.order import STAGES, up_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Item
    from lorabuild.graph.view import Step, View


def forecast(view: View, targets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Everything that ``plan --json`` prints: counts, reasons, repeats, exposure, steps, warnings."""
    stages = [_stage(view, view.step(stage)) for stage in up_to(targets)]
    table = balancing.table(view).as_dict()
    return {
        "clean": not any(stage["todo"] for stage in stages),
        "stages": stages,
        "concepts": table["concepts"],
        "triggers": table["triggers"],
        "steps": table["steps"],
        "warnings": table["warnings"] + duplicates(view),
    }


def _stage(view: View, step: Step) -> dict[str, Any]:
    todo = len(step.todo) + len(step.waiting)
    pace = _pace(view, step.stage)
    return {
        "name": step.stage,
        "total": step.total,
        "todo": todo,
        "reused": step.total - todo,
        "upper_bound": bool(step.waiting),
        "seconds": round(pace * todo, 1) if pace and todo else None,
        "reasons": [{"item": name, "why": "; ".join(why)} for name, why in step_reasons(view, step)],
    }


def _pace(view: View, stage: str) -> float | None:
    """Seconds an item, from the last build that ran the stage."""
    for build in reversed(view.store.history()):
        done = build.get("stages", {}).get(stage, {})
        if done.get("ran") and done.get("seconds"):
            return float(done["seconds"]) / float(done["ran"])
    return None


def step_reasons(view: View, step: Step) -> Iterator[tuple[str, list[str]]]:
    """Each item that would be done, with the reasons."""
    recorded = view.store.results({item.key for item in step.todo})
    for item in step.todo:
        yield item.id, item_reasons(view, step.stage, item, had_result=item.key in recorded)
    for name in step.waiting:
        yield name, ["waits for an earlier stage"]


def item_reasons(view: View, stage: str, item: Item, *, had_result: bool) -> list[str]:
    """The reasons for one item."""
    return reasons(view.store.parts_of(stage, item.id), item.parts, had_result=had_result)


def duplicates(view: View) -> list[dict[str, str]]:
    """A warning for each picture that a concept holds twice."""
    return [
        {
            "code": "duplicate",
            "item": member.id,
            "text": f"{member.id} is the same picture as {member.twin}; it is used once",
        }
        for member in members(view)
        if member.twin
    ]


def why(view: View, subject: str) -> dict[str, Any]:
    """The reasons for one stage, or for one image in every stage.

    Raises:
        ProjectError: when there is neither a stage nor an image of that name.
    """
    path = subject.removeprefix("./")
    if subject not in STAGES and path not in view.inventory.files:
        known = nearest(path, [*STAGES, *view.inventory.files])
        raise ProjectError(
            f"`{subject}` is neither a stage nor an image of this project",
            next_step=f"did you mean `lorabuild why {known}`?"
            if known
            else "`lorabuild status --json` lists the images",
        )
    found = []
    for stage in [subject] if subject in STAGES else STAGES:
        for name, causes in step_reasons(view, view.step(stage)):
            if subject in STAGES or name == path or name.startswith(f"{path} ("):
                found.append({"stage": stage, "item": name, "why": "; ".join(causes)})
    return {"subject": subject, "reasons": found}
