"""The balance at any time, also before it was built: pure arithmetic on what is known of the images."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.balance import budget, recipes
from lorabuild.balance.buckets import Size, Sizes, bucket_of, tally, upscaled
from lorabuild.balance.few import best, rows, share
from lorabuild.balance.request import Concept, Request, Some
from lorabuild.balance.slider import plan
from lorabuild.graph.heldout import held_out
from lorabuild.graph.members import Member, everyone, members, priors
from lorabuild.graph.shown import shown
from lorabuild.graph.sizing import all_sizes

if TYPE_CHECKING:
    from lorabuild.balance.table import Table
    from lorabuild.graph.view import View


Alike = Counter[tuple[Size | None, tuple[int, ...]]]
"""Size and resolutions → images that have them."""


class Fit(NamedTuple):
    """A picture as it is trained on in one resolution.

    Attributes:
        id: the member's; of a further resolution with that behind it.
        resolution: the side of a square of its training area.
        bucket: what it is fitted to.
    """

    id: str
    resolution: int
    bucket: Size


def resolutions(view: View, member: Member) -> tuple[int, ...]:
    """The resolutions that a picture is trained in, its main one first."""
    return shown(view)(member.concept, member.whole).resolutions


def fits(view: View, member: Member) -> list[Fit]:
    """A picture in each of its resolutions; where its size isn't known yet it counts as square."""
    first, *more = resolutions(view, member)
    found = [Fit(member.id, first, _bucket(view, member.size, first))]
    return found + [Fit(f"{member.id} [{side} px]", side, _bucket(view, member.size, side)) for side in more]


def _bucket(view: View, size: Size | None, resolution: int) -> Size:
    known: dict[tuple[Size | None, int], Size] = view.derived("buckets", lambda _: {})
    if (size, resolution) not in known:
        known[size, resolution] = bucket_of(*(size or (resolution, resolution)), sizes(view, resolution))
    return known[size, resolution]


def sizes(view: View, resolution: int | None = None) -> Sizes:
    """The buckets of a resolution; without one of the project's."""
    side = resolution or view.project.images.resolution
    return view.derived(f"sizes of {side}", lambda view: _sizes(view, side))


def every_size(view: View) -> Sizes:
    """The buckets of all resolutions in which something is trained."""
    asked = {side for member in everyone(view) for side in resolutions(view, member)}
    asked = asked or {view.project.images.resolution}
    return tuple(sorted({size for side in asked for size in sizes(view, side)}))


def _sizes(view: View, resolution: int) -> Sizes:
    found, few = all_sizes(view, resolution), view.project.images.buckets.few
    if few is None or few >= len(found):
        return found
    own = (member for member in everyone(view) if resolution in resolutions(view, member))
    return best([member.size for member in own if member.size and not member.twin], found, few)


def bucket_table(view: View) -> dict[str, Any]:
    """How the images of the concepts fall into the buckets; with few of these, what all of them would crop.

    Where there are several resolutions, each has its own buckets.
    """
    used = [member for member in members(view) if member.size and not member.twin]
    found: dict[int, list[Size]] = {}
    for member in used:
        for side in resolutions(view, member):
            found.setdefault(side, []).append(member.size or (side, side))
    held = {side: rows(pictures, sizes(view, side)) for side, pictures in sorted(found.items())}
    told = [(row.as_dict(), {"resolution": side} if len(held) > 1 else {}) for side, own in held.items() for row in own]
    table: dict[str, Any] = {"buckets": [row | more for row, more in told]}
    if view.project.images.buckets.few and found:
        whole = {side: all_sizes(view, side) for side in found}
        of_all = [row for side, pictures in found.items() for row in rows(pictures, whole[side])]
        chosen = [row for own in held.values() for row in own]
        table["few"] = {"sizes": sum(map(len, whole.values())), "cropped": share(chosen), "of_all": share(of_all)}
    return table


def repeats(view: View, member: Member) -> int:
    """How often an epoch shows a picture, in each of its resolutions; regularization images once in turn."""
    known = view.derived("repeats", _repeats)
    said = shown(view)(member.concept, member.whole)
    return known.get((member.concept, said.weight, said.repeats), 1)


def looks(view: View, member: Member) -> int:
    """Image steps that an epoch has with a picture."""
    return repeats(view, member) * len(resolutions(view, member))


def _repeats(view: View) -> dict[tuple[str, float, int | None], int]:
    """Repeats of the images of a concept that are shown alike."""
    pairs = [*zip(request(view).concepts, table(view).concepts, strict=True)]
    plain = {(row.name, 1.0, None): row.repeats for _, row in pairs}
    return plain | {
        (row.name, some.weight, some.repeats): told.repeats
        for concept, row in pairs
        for some, told in zip(concept.apart, row.apart, strict=True)
    }


def request(view: View) -> Request:
    """What the balance is asked."""
    return view.derived("request", _request)


def _request(view: View) -> Request:
    project, training = view.project, view.project.training
    square, pool = sizes(view), _priors(view)
    side = project.images.resolution
    used: dict[str, list[Member]] = {name: [] for name in project.concepts}
    for member in members(view):
        if not member.twin and member.id not in held_out(view):
            used[member.concept].append(member)
    return Request(
        concepts=tuple(_concept(view, name, used[name]) for name in project.concepts),
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
        priors=tally(pool or ()),
    )


def _priors(view: View) -> list[Size] | None:
    """Buckets of the regularization images; None where there are none, or all are drawn as squares."""
    wanted = view.project.regularization
    if wanted is None or not (wanted.folder or wanted.generate.per_image):
        return None
    if wanted.folder:
        return [fit.bucket for member in priors(view) if not member.twin for fit in fits(view, member)]
    return [fits(view, member)[0].bucket for member in members(view) if not member.twin]


def _concept(view: View, name: str, used: list[Member]) -> Concept:
    """A concept; an image whose size isn't known yet counts as square."""
    concept, ask = view.project.concepts[name], shown(view)
    counts = Counter((ask(name, member.whole), member.size) for member in used)
    alike: dict[tuple[float, int | None], Alike] = {}
    for (said, size), count in counts.items():
        alike.setdefault((said.weight, said.repeats), Counter())[size, said.resolutions] += count
    small = sum(
        count
        for (said, size), count in counts.items()
        if size and any(upscaled(*size, _bucket(view, size, side)) for side in said.resolutions)
    )
    plain = _some(view, 1.0, None, alike.pop((1.0, None), Counter()))
    others = sorted(alike, key=lambda said: (said[1] or 0, said[0]))
    return Concept(
        name=name,
        triggers=concept.triggers,
        buckets=plain.buckets,
        weight=concept.weight,
        repeats=concept.repeats,
        upscaled=small,
        further=plain.further,
        apart=tuple(_some(view, *said, alike[said]) for said in others),
    )


def _some(view: View, weight: float, repeats: int | None, alike: Alike) -> Some:
    """Images that are shown alike, each in its resolutions."""
    counts = Counter[Size]()
    for (size, sides), count in alike.items():
        for side in sides:
            counts[_bucket(view, size, side)] += count
    return Some(weight, repeats, tally(counts), counts.total() - alike.total())


def table(view: View) -> Table:
    """The balance of the project as it stands."""
    return view.derived("balance", _table)


def _table(view: View) -> Table:
    slider = view.project.slider
    if slider is None:
        return budget.plan(request(view))
    training = view.project.training
    return plan(slider, training.batch, training.accumulation)
