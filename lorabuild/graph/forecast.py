"""``plan`` and ``why``: the build's own planning, with nothing executed."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.captions import kinds
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph import balancing, lint, preflight
from lorabuild.graph.course import steps
from lorabuild.graph.explain import changes, reasons
from lorabuild.graph.heldout import held_out
from lorabuild.graph.inventory import relative
from lorabuild.graph.lineage import lengthened, waiting
from lorabuild.graph.order import LAST, OF_IMAGES, STAGES, up_to
from lorabuild.graph.status import missing, several
from lorabuild.graph.unmatched import unmatched
from lorabuild.graph.variants import own, told, whole
from lorabuild.networks import clients
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Item
    from lorabuild.graph.view import Step, View

LOOKED_AT = 20
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")


def forecast(view: View, targets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Everything that ``plan --json`` prints: counts, reasons, repeats, exposure, steps, warnings."""
    history = view.store.history()[-LOOKED_AT:]
    stages = [whole([_stage(one, own(one, stage), history) for one in view.all()]) for stage in up_to(targets)]
    table = balancing.table(view).as_dict()
    return {
        "clean": not any(stage["todo"] for stage in stages),
        "seconds": round(sum(stage["seconds"] or 0.0 for stage in stages), 1) or None,
        "stages": stages,
        "concepts": table["concepts"],
        "triggers": [row | kinds.told(view.project.triggers[row["name"]]) for row in table["triggers"]],
        "steps": table["steps"],
        **balancing.bucket_table(view),
        "regularization_per_epoch": table["regularization_per_epoch"],
        "notes": notes(view),
        "warnings": lint.warnings(view) + preflight.warnings(view),
        **({"targets": table["targets"]} if "targets" in table else {}),
        **told(view, targets),
    }


def notes(view: View) -> list[dict[str, str]]:
    """Files that are gone, rules that do nothing; what a training has before it and leaves out, who can't load it."""
    found = [
        *_gone(view),
        *unmatched(view),
        *waiting(view),
        *(note for item in view.step("train").todo for note in item.reads.get("notes", ())),
    ]
    if longer := lengthened(view)[1]:
        found.append({"code": "longer", "item": "train", "text": longer})
    unloaded = clients.said(
        view.project.network,
        open_clip=FACTS[view.project.base.family].open_clip,
        resized=any(step.resize for step in view.project.finish),
    )
    found += [{"code": "client", "item": "network", "text": text} for text in unloaded]
    if view.project.training.validation:
        out, share = held_out(view), view.project.training.validation.share
        many = (
            f"{len(out)} image{'s are' if len(out) > 1 else ' is'}" if out else f"a share of {share:g} of the images is"
        )
        found.append(
            {"code": "validation", "item": "train", "text": f"{many} held out of the training, to validate it on"}
        )
    return found


def _gone(view: View) -> Iterator[dict[str, str]]:
    if gone := missing(view):
        yield {"code": "missing", "item": gone[0], "text": f"missing: {several(gone)}; a build puts it there"}


def _stage(view: View, step: Step, history: list[dict[str, Any]]) -> dict[str, Any]:
    todo = len(step.todo) + len(step.waiting)
    pace = _training(view) if step.stage == "train" else _pace(history, step.stage)
    return {
        "name": step.stage,
        "total": step.total,
        "todo": todo,
        "reused": step.total - todo,
        "upper_bound": bool(step.waiting),
        "seconds": round(pace * todo, 1) if pace and todo else None,
        "loads": loads(step),
        "reasons": [{"item": name, "why": "; ".join(why)} for name, why in step_reasons(view, step)],
    }


def _pace(history: list[dict[str, Any]], stage: str) -> float | None:
    """Seconds an item, from the build that did most of them: there, loading models counts least."""
    done = [build["stages"][stage] for build in history if build.get("stages", {}).get(stage, {}).get("ran")]
    most = max(done, key=lambda counts: int(counts["ran"]), default=None)
    return float(most["seconds"]) / float(most["ran"]) if most else None


def _training(view: View) -> float | None:
    """Seconds that a training takes at the speed of the last one: all of today's balance, or what is trained of it."""
    latest = view.store.latest("train")
    key = latest.get(view.said("train")) or latest.get("train")
    last = view.store.results([key]).get(key) if key else None
    speed = last.facts.get("seconds_a_step") if last else None
    some = [item.reads["records"] for item in view.step("train").todo if "parent" in item.reads]
    number = steps(view.project, some[0])[1] if some else balancing.table(view).steps.optimizer
    return speed * (number - lengthened(view)[0]) if speed else None


def loads(step: Step) -> list[str]:
    """The models that the items to do are made with, as far as their keys are known (``tagger``, ``unet``).

    Package and report only name them.
    """
    named = {name for item in step.todo for name in item.parts if step.stage not in ("package", LAST)}
    parts = {part for part in PARTS if f"base.{part}" in named}
    return sorted(parts | {"tagger" for name in named if name.startswith("tagger.")})


def step_reasons(view: View, step: Step) -> Iterator[tuple[str, list[str]]]:
    """Each item that would be done, with the reasons."""
    recorded = view.store.results({item.key for item in step.todo})
    for item in step.todo:
        yield item.id, item_reasons(view, step.stage, item, had_result=item.key in recorded)
    before = next((stage for stage in STAGES if not view.step(stage).clean), "") if step.waiting else ""
    said = "its frames are taken by the build" if step.stage == STAGES[0] else f"waits for {before}"
    for name, known in step.waiting.items():
        yield name, [*changes(view.store.parts_of(step.stage, name) if known else None, known), said]


def item_reasons(view: View, stage: str, item: Item, *, had_result: bool) -> list[str]:
    """The reasons for one item."""
    thing = "file" if stage in OF_IMAGES and not item.reads.get("prior") else ""
    return reasons(view.store.parts_of(stage, item.id), item.parts, had_result=had_result, thing=thing)


def _path(view: View, subject: str) -> str:
    """An image as the project names it: said from the project's folder, or from where the person stands."""
    near, here = relative(view.site, view.site.path(subject)), relative(view.site, Path(subject).absolute())
    return here if not known(view, near) and known(view, here) else near


def known(view: View, path: str) -> bool:
    """Whether an image of the project lies there."""
    return path in view.inventory.files or path in view.settled("scan").ids


def _is_of(name: str, path: str) -> bool:
    """Whether an item is about an image: in a concept, a part of it, in a further resolution."""
    return name == path or name.startswith((f"{path} (", f"{path} ["))


def why(view: View, subject: str) -> dict[str, Any]:
    """The reasons for one stage, or for one image in every stage; ``lora`` and ``slider`` are what is trained.

    Raises:
        ProjectError: when there is neither a stage nor an image of that name.
    """
    subject = "train" if subject == view.project.kind else subject
    path = _path(view, subject)
    variants = [one.variant for one in view.variants]
    if subject not in (*STAGES, *variants) and not known(view, path):
        near = nearest(path, [*STAGES, *variants, *view.inventory.files, *view.settled("scan").ids])
        raise ProjectError(
            f"`{subject}` is neither a stage nor an image of this project",
            next_step=f"did you mean `lorabuild why {near}`?" if near else "`lorabuild status --json` lists the images",
        )
    found = []
    for one, stage in product(view.all(), [subject] if subject in STAGES else STAGES):
        for name, causes in step_reasons(one, own(one, stage)):
            if subject in (*STAGES, one.variant) or _is_of(name.removeprefix(one.said("")), path):
                found.append({"stage": stage, "item": name, "why": "; ".join(causes)})
    return {"subject": subject, "reasons": found}
