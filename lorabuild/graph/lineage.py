"""What a training has before it: a shorter one that it makes longer, or the last result that it goes on from.

A longer training has the key of one from the start, for it gives the same. One that goes on with changed images has its
parent in its key. What a result was trained from stands in its facts: ``world`` (the key of a training from the start),
``course`` (likewise without its length), ``settings`` (likewise without the images), ``continued`` (its parent).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.core.counted import unit
from lorabuild.core.digest import canonical, digest, short
from lorabuild.core.errors import BlobError, DifferenceError
from lorabuild.graph.course import steps
from lorabuild.graph.view import item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.core.item import Result
    from lorabuild.core.store import Store
    from lorabuild.graph.records import Learned
    from lorabuild.graph.view import View

TRAIN = "train"
LENGTH = ("budget.epochs", "slider.steps")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a training begins.

    Attributes:
        rows: what it learns from.
        parts: what its key reads beside the parts of a training from the start.
        reads: what the stage reads of it.
        notes: what a person is told, ``{code, item, text}``.
        made: whether its result is there; then ``reads`` is empty.
    """

    rows: Sequence[Learned]
    parts: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[dict[str, str]] = ()
    made: bool = False


def origin(view: View, asked: Mapping[str, Any], seen: Mapping[str, Any], rows: Sequence[Learned]) -> Origin:
    """Where a training begins whose key reads these words and models (``asked``) and these rows (``seen``)."""
    parts = {**asked, **seen}
    told = about(asked, seen)
    if _sound(view, told["world"]):
        return Origin(rows, made=True)
    base = {"about": told, "learned": sorted(_identity(row) for row in rows if row.record["concept"])}
    last = _sound(view, view.parent or view.store.latest(TRAIN).get(view.said(TRAIN)))
    if view.fresh or view.store.results([told["world"]]):
        return Origin(rows, reads=base)
    if last and last.facts.get("world") == told["world"] and (held := last.facts.get("continued")):
        return _again(view, base, rows, held)
    changed = ""
    if last and (view.parent or view.project.training.on_change == "continue"):
        changed = _why_not_continued(view, last, told, rows)
        if not changed:
            return _continued(view, last, base, rows, view.project.training.rehearsal)
    former, grown = _former(view, parts, told)
    why = "" if former else changed or grown
    return Origin(rows, reads={**base, "former": former}, notes=_note(why) if why else ())


def waiting(view: View) -> list[dict[str, str]]:
    """What a person is told who plans a training that will go on, as long as it isn't known what has changed."""
    asked, training = view.step(TRAIN).waiting.get(TRAIN), view.project.training
    if asked is None or view.fresh or training.on_change != "continue":
        return []
    last = _sound(view, view.store.latest(TRAIN).get(view.said(TRAIN)))
    if last is None or last.facts.get("settings") != about(asked, {})["settings"]:
        return []
    text = (
        "`on_change: continue`: where images are new or changed, only these and about "
        f"{training.rehearsal:.0%} of the others are trained on, in fewer steps than the whole budget's (how many, the "
        "build says); where some only went away, it is trained from the start"
    )
    return [{"code": "continued", "item": TRAIN, "text": text}]


def lengthened(view: View) -> tuple[int, str]:
    """The optimizer steps that a raised budget finds done; and what a person is told of it, empty where it is none."""
    return view.derived("lengthened", _lengthened)


def _lengthened(view: View) -> tuple[int, str]:
    todo = [] if view.project.slider else view.step(TRAIN).todo
    asked = next((one for one in todo if one.reads.get("former")), None)
    if not asked:
        return 0, ""
    from lorabuild.training.extending import difference

    former, read = asked.reads["former"], asked.reads["records"]
    before, after = (steps(view.project, read, number)[1] for number in (former["planned"], None))
    done = int(former["steps"])
    if why := difference(view.project.training, before, after, done):
        return 0, f"{why}; it is trained from the start"
    return done, f"goes on where the shorter training ended: {after - done:,} of {after:,} optimizer steps are new"


def about(asked: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, str]:
    """What a result's facts say of what it was trained from."""
    parts = {**asked, **seen}
    return {
        "world": item(TRAIN, TRAIN, parts).key,
        "course": item(TRAIN, TRAIN, {name: parts[name] for name in parts if name not in LENGTH}).key,
        "settings": item(TRAIN, TRAIN, asked).key,
    }


def lineage(view: View) -> dict[str, Any]:
    """What the lock says of the parent; empty where a training began at the start."""
    trained = view.made(TRAIN).get(TRAIN)
    held = trained.facts.get("continued") if trained else None
    return {TRAIN: held} if held else {}


def parent_of(locked: Mapping[str, Any], store: Store) -> Result | None:
    """The parent that a lock names; None where it names none.

    Raises:
        DifferenceError: it is no longer there, so that nothing can be made again from it.
    """
    held = locked.get("lineage", {}).get(TRAIN)
    if not held:
        return None
    found = store.results([held["key"]]).get(held["key"])
    if found is None or store.missing_blobs([found]):
        raise DifferenceError(
            f"this LoRA was trained on from an earlier one ({short(held['lora'])}) that is no longer in the store: "
            "it can't be made again from its inputs",
            where="lora.lock lineage",
            next_step="`lorabuild build --fresh` trains it from the start",
        )
    return found


def lend(parent: Result, store: Store, to: Store) -> None:
    """Copy a parent into another store, as its last training."""
    from lorabuild.core.item import Item

    for name in parent.outputs.values():
        to.write(store.read(name))
    to.commit([parent])
    to.remember(TRAIN, [Item(TRAIN, parent.key)])


def _sound(view: View, key: str | None) -> Result | None:
    """A training's result, if all of it is still there."""
    found = view.store.results([key]).get(key) if key else None
    return found if found and not found.problem and not view.store.missing_blobs([found]) else None


def _identity(row: Learned) -> str:
    """What is learned from a picture, however often."""
    return digest(canonical([row.record["concept"], *row.keys[:-1]])).removeprefix("b3:")


def _changed(view: View, last: Result, rows: Sequence[Learned]) -> list[Learned]:
    try:
        known = {*view.store.read(last.outputs["learned"]).decode("ascii").splitlines()}
    except (BlobError, KeyError):
        known = set()
    return [row for row in rows if row.record["concept"] and _identity(row) not in known]


def _why_not_continued(view: View, last: Result, told: Mapping[str, str], rows: Sequence[Learned]) -> str:
    """Why the last result can't be gone on from; empty where it can."""
    if last.facts.get("settings") != told["settings"]:
        return "`on_change: continue` goes on where only images changed, and other words did"
    if not _changed(view, last, rows):
        return "no image is new: some only went away, or their repeats changed"
    return ""


def _again(view: View, base: Mapping[str, Any], rows: Sequence[Learned], held: Mapping[str, Any]) -> Origin:
    """The result that stands: its key once more, and what it takes to make it again where it is damaged."""
    if parent := _sound(view, held["key"]):
        return _continued(view, parent, base, rows, held["rehearsal"])
    return Origin(rows, {"continued": held}, made=True)


def _continued(view: View, last: Result, base: Mapping[str, Any], rows: Sequence[Learned], share: float) -> Origin:
    """On from the last result: the changed images, and a share of the others that follows from what they are."""
    changed = {_identity(row) for row in _changed(view, last, rows)}
    lora = last.outputs[max(name for name in last.outputs if name.startswith("epoch-"))]
    others = [row for row in rows if row.record["concept"] and _identity(row) not in changed]
    rehearsed = {_identity(row) for row in others if unit("rehearsal", last.key, _identity(row)) < share}
    kept = [row for row in rows if not row.record["concept"] or _identity(row) in changed | rehearsed]
    held = {"key": last.key, "lora": lora, "rehearsal": share}
    reads = {**base, "about": {**base["about"], "continued": held}, "parent": held}
    looks, updates = steps(view.project, [row.record for row in kept])
    text = (
        f"goes on from the last LoRA with {len(changed)} changed image{'s' if len(changed) > 1 else ''} "
        f"and {len(rehearsed)} of the {len(others)} others (image steps: {looks:,}, optimizer steps: {updates:,})"
    )
    return Origin(kept, {"continued": held}, reads, [{"code": "continued", "item": TRAIN, "text": text}])


def _former(view: View, parts: Mapping[str, Any], told: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
    """The longest finished training of the same course with fewer epochs; or why a raised budget begins anew."""
    wanted = parts["budget.epochs"]
    found = [one for one in _trained(view) if one.facts.get("course") == told["course"] and _fits(one, wanted)]
    gone = view.store.missing_blobs(found)
    if sound := [one for one in found if one.key not in gone]:
        best = max(sound, key=lambda one: (int(one.facts["steps"]), one.key))
        facts = {name: best.facts[name] for name in ("planned", "steps")}
        return {**facts, "outputs": dict(best.outputs), "record": dict(best.record)}, ""
    if found:
        return None, "the budget grew, but the state of the shorter training is no longer in the store"
    before = view.store.parts_of(TRAIN, view.said(TRAIN)) or {}
    if not before.get("budget.epochs", wanted) < wanted:
        return None, ""
    others = sorted(name for name in {*before, *parts} if name not in LENGTH and before.get(name) != parts.get(name))
    return None, f"the budget grew, but other things changed too: {', '.join(map(_said, others))}" if others else ""


def _fits(result: Result, epochs: int) -> bool:
    facts = result.facts
    return "state" in result.outputs and int(facts["planned"]) < epochs and not facts.get("continued")


def _trained(view: View) -> Iterator[Result]:
    """Every training that the store holds."""
    rows = view.store.database.rows("SELECT key FROM results WHERE stage = ?", [TRAIN])
    return iter(view.store.results("b3:" + bytes(key).hex() for (key,) in rows).values())


def _said(part: str) -> str:
    """A part of the key as a person reads it."""
    return f"pictures or repeats of {part.removeprefix('images.')}" if part.startswith("images.") else part


def _note(why: str) -> list[dict[str, str]]:
    return [{"code": "afresh", "item": TRAIN, "text": f"{why}; it is trained from the start"}]
