"""Variants in a build: each has a view of its own beside the project's, and of its work only what the project lacks.

A variant's items stand in the store under its name (``rank32: train``); what equals an item of the project itself is
that item, made once. Where only late words differ, all that comes before the training is taken from the project's view.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph import balancing
from lorabuild.graph.column import split
from lorabuild.graph.inventory import take
from lorabuild.graph.order import LAST, up_to
from lorabuild.graph.view import Step, View

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from lorabuild.core.item import Item
    from lorabuild.core.nullindex import Seen
    from lorabuild.graph.wishes import Wishes
    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.site import Site

EARLY = up_to(("text",))
LATE = ("name", "variants", "network", "samples", "output", "training.optimizer.lr", "training.schedule")
"""Words that nothing before the training reads."""
DERIVED = ("fresh", "members", "balance", "caption options")
"""What a view works out before the training."""


def attach(view: View, loaded: Loaded, seen: Seen | None = None, *, lonely: bool = False) -> None:
    """Give the project's view those of its variants; it is planned up to the training by then, or is now."""
    view.variants = tuple(_variant(view, name, one.site, seen) for name, one in loaded.variants.items())
    for variant in view.variants:
        variant.lonely = lonely


def _variant(view: View, name: str, site: Site, seen: Seen | None) -> View:
    site = replace(site, launch=view.site.launch)
    made = replace(
        view, site=site, variant=name, main=view, variants=(), parent=None, steps={}, named={}, worked_out={}
    )
    if not _late_only(view.site, site):
        made.inventory = take(site, view.store, seen=seen, again=True)
        return made
    for stage in EARLY:
        made.steps[stage], made.named[stage] = view.step(stage), view.made(stage)
    made.worked_out |= {word: view.worked_out[word] for word in DERIVED if word in view.worked_out}
    return made


def _late_only(one: Site, other: Site) -> bool:
    then, now = one.consumed(), other.consumed()
    differ = {word for word in {*then, *now} if word not in then or word not in now or then[word] != now[word]}
    return all(any(f"{word}.".startswith(f"{late}.") for late in LATE) for word in differ)


def own(view: View, stage: str) -> Step:
    """A stage of the project itself; of a variant what it has beside that, its items called by the variant's name."""
    step = view.step(stage)
    if view.main is None:
        return step
    base = view.main.step(stage)
    if step is base:
        return Step(stage, (), {}, ())
    known = {*(item.key for item in base.items), *(f"b3:{key.hex()}" for key in split(base.taken.keys))}
    if view.lonely:
        known -= {item.key for item in base.todo}
    items, todo = (tuple(_named(view, known, some)) for some in (step.items, step.todo))
    late = stage not in EARLY
    waiting = {name: parts for name, parts in step.waiting.items() if late or base.waiting.get(name) != parts}
    return Step(stage, items, {view.said(name): parts for name, parts in waiting.items()}, todo)


def _named(view: View, known: Collection[str], items: Iterable[Item]) -> Iterator[Item]:
    return (replace(item, id=view.said(item.id)) for item in items if item.key not in known)


def whole(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row of a stage that tells of the project and of its variants, from the row of each."""
    first, *others = rows
    if not others:
        return first
    seconds = sum(row["seconds"] or 0.0 for row in rows)
    return {
        **first,
        **{name: sum(row[name] for row in rows) for name in ("total", "todo", "reused")},
        "upper_bound": any(row["upper_bound"] for row in rows),
        "seconds": round(seconds, 1) or None,
        "loads": sorted({model for row in rows for model in row["loads"]}),
        "reasons": [reason for row in rows for reason in row["reasons"]],
    }


def told(view: View, targets: tuple[str, ...] = ()) -> dict[str, Any]:
    """``{"variants": […]}``: name, whether all is up to date, and steps of each; nothing where there is none."""
    rows = []
    for one in view.variants:
        table, clean = balancing.table(one).as_dict(), all(one.step(stage).clean for stage in up_to(targets))
        length = {word: table[word] for word in ("steps", "regularization_per_epoch")}
        rows.append({"name": one.variant, "clean": clean, **length})
    return {"variants": rows} if rows else {}


def raw_keys(views: Iterable[View], stage: str) -> bytes:
    """The keys of a stage in all these views, in one piece: 32 bytes each, sorted, each once."""
    found = [view.raw_keys(stage) for view in views]
    if len(found) == 1:
        return found[0]
    return b"".join(sorted({keys[start : start + 32] for keys in found for start in range(0, len(keys), 32)}))


def wanted(loaded: Loaded, wishes: Wishes) -> Loaded:
    """The project with those of its variants that are asked for. Raises ``ProjectError`` for one that it has not."""
    if wishes.variant is None:
        return loaded
    if not wishes.variant:
        return replace(loaded, variants={})
    if wishes.variant not in loaded.variants:
        near = nearest(wishes.variant, loaded.variants)
        known = ", ".join(loaded.variants) or "none"
        raise ProjectError(
            f"there is no variant `{wishes.variant}`",
            where=loaded.place("variants"),
            next_step=f"did you mean `{near}`?" if near else f"this lora.yaml has: {known}",
        )
    return replace(loaded, variants={wishes.variant: loaded.variants[wishes.variant]})


def handing(view: View, wishes: Wishes) -> tuple[View, ...]:
    """The views whose files are handed out."""
    return view.variants if wishes.variant else view.all()


def file_name(view: View, name: str) -> str:
    """What a file of a view is called in the output folder: the page of a variant is called after it."""
    return f"{view.project.name}-{name}" if view.variant and name == f"{LAST}.html" else name
