"""The balance at any time, also before it was built: pure arithmetic on what is known of the images."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lorabuild.balance import budget, recipes
from lorabuild.balance.buckets import Size, Sizes, bucket_of, tally, upscaled
from lorabuild.balance.few import best, rows, share
from lorabuild.balance.request import Concept, Request
from lorabuild.balance.slider import plan
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import Member, everyone, members, priors
from lorabuild.graph.sizing import all_sizes

if TYPE_CHECKING:
    from lorabuild.balance.table import Table
    from lorabuild.graph.view import View


def sizes(view: View) -> Sizes:
    """The project's buckets."""
    return view.derived("sizes", _sizes)


def _sizes(view: View) -> Sizes:
    found, few = all_sizes(view), view.project.images.buckets.few
    if few is None or few >= len(found):
        return found
    return best([member.size for member in everyone(view) if member.size and not member.twin], found, few)


def bucket_table(view: View) -> dict[str, Any]:
    """How the images of the concepts fall into the buckets; with few of these, what all of them would crop."""
    found = [member.size for member in members(view) if member.size and not member.twin]
    held, every = rows(found, sizes(view)), all_sizes(view)
    table: dict[str, Any] = {"buckets": [row.as_dict() for row in held]}
    if view.project.images.buckets.few and found:
        table["few"] = {"sizes": len(every), "cropped": share(held), "of_all": share(rows(found, every))}
    return table


def request(view: View) -> Request:
    """What the balance is asked."""
    project, training = view.project, view.project.training
    square, pool = sizes(view), _priors(view)
    side = project.images.resolution
    used: dict[str, list[Member]] = {name: [] for name in project.concepts}
    for member in members(view):
        if not member.twin and member.id not in held_out(view):
            used[member.concept].append(member)
    return Request(
        concepts=tuple(_concept(view, name, used[name], square) for name in project.concepts),
        triggers={name: trigger.kind for name, trigger in project.triggers.items()},
        steps=project.budget.steps,
        epochs=project.budget.epochs,
        recipe=project.budget.recipe,
        optimizer=recipes.like(training.optimizer.type),
        retro=project.budget.retro,
        min_snr=bool(training.min_snr_gamma or training.soft_min_snr_gamma or training.noise.ip_gamma),
        batch=training.batch,
        accumulation=training.accumulation,
        prior=bucket_of(side, side, square) if project.regularization and pool is None else None,
        priors=tally(pool or (), square),
    )


def _priors(view: View) -> list[Size] | None:
    """Sizes of the regularization images; None where there are none, or all are drawn as squares."""
    wanted, side = view.project.regularization, view.project.images.resolution
    if wanted is None or not (wanted.folder or wanted.generate.per_image):
        return None
    found = priors(view) if wanted.folder else members(view)
    return [member.size or (side, side) for member in found if not member.twin]


def _concept(view: View, name: str, used: list[Member], square: Sizes) -> Concept:
    """A concept; an image whose size isn't known yet counts as square."""
    concept, side = view.project.concepts[name], view.project.images.resolution
    pictures = [member.size or (side, side) for member in used]
    return Concept(
        name=name,
        triggers=concept.triggers,
        buckets=tally(pictures, square),
        weight=concept.weight,
        repeats=concept.repeats,
        upscaled=sum(count for size, count in Counter(pictures).items() if upscaled(*size, bucket_of(*size, square))),
    )


def table(view: View) -> Table:
    """The balance of the project as it stands."""
    return view.derived("balance", _table)


def _table(view: View) -> Table:
    slider = view.project.slider
    if slider is None:
        return budget.plan(request(view))
    training = view.project.training
    return plan(slider, training.batch, training.accumulation)
