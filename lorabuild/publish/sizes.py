"""How large the images are beside the sizes that they are trained at: bars of the buckets, a picture, and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorabuild.publish.chart import Mark, ticks
from lorabuild.publish.facts import once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lorabuild.publish.facts import TrainedImage

    Size = tuple[int, int]

SMALLEST, LARGEST = 3.5, 12.0  # radius of a dot in pixels


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket in pixels, its images, and percent of the fullest bucket."""

    width: int
    height: int
    images: int
    percent: float


@dataclass(frozen=True, slots=True)
class Dot:
    """A size that images have: its place in percent of the plot, its radius in pixels, and what it is."""

    x: float
    y: float
    radius: float
    words: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """Every size that there is.

    Attributes:
        buckets: the fullest first.
        images: the sizes of images as dots, large where many have it; none where all have one size.
        trained: the buckets as dots of one size.
        across, down: marks of width and height, one scale.
        fitted: what fitting to a bucket does to them.
        summary: the plot in words.
    """

    buckets: tuple[Bucket, ...]
    images: tuple[Dot, ...]
    trained: tuple[Dot, ...]
    across: tuple[Mark, ...]
    down: tuple[Mark, ...]
    fitted: str
    summary: str


def sizes(images: Sequence[TrainedImage]) -> Sizes | None:
    """What is to be said of the images' sizes; None without images."""
    if not images:
        return None
    known = Counter((image.width, image.height) for image in once(images))
    buckets = Counter(image.bucket for image in images)
    high = 1.06 * max(side for size in (*known, *buckets) for side in size)
    factors = [max(image.bucket[0] / image.width, image.bucket[1] / image.height) for image in images]
    marks = [(round(100 * mark / high, 2), f"{mark:g}") for mark in ticks(high)]
    (width, height), (wide, tall) = min(known), max(known)
    span = f"{width} × {height}" + (f" to {wide} × {tall}" if len(known) > 1 else "")
    return Sizes(
        buckets=_bars(buckets),
        images=tuple(_dots(known, high, scaled=True)) if len(known) > 1 else (),
        trained=tuple(_dots(buckets, high, scaled=False)),
        across=tuple(Mark(place, text) for place, text in marks),
        down=tuple(Mark(round(100 - place, 2), text) for place, text in marks),
        fitted=", ".join(_fitted(factors)),
        summary=f"{known.total()} images of {_many(len(known), 'size')}, {span}, in {_many(len(buckets), 'bucket')}",
    )


def _fitted(factors: Sequence[float]) -> Iterable[str]:
    """How many images are made smaller, enlarged or left as large as they are, and how far at most."""
    smaller, larger = [factor for factor in factors if factor < 1], [factor for factor in factors if factor > 1]
    if smaller:
        yield f"{len(smaller)} made smaller (to {100 * min(smaller):.0f} % at most)"
    if larger:
        yield f"{len(larger)} enlarged (to {100 * max(larger):.0f} % at most)"
    if same := len(factors) - len(smaller) - len(larger):
        yield f"{same} as large as they are"


def _bars(buckets: Counter[Size]) -> tuple[Bucket, ...]:
    most = max(buckets.values())
    ordered = sorted(buckets.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(Bucket(*size, count, 100 * count / most) for size, count in ordered)


def _dots(known: Counter[Size], high: float, *, scaled: bool) -> Iterable[Dot]:
    """The areas of the dots are as their images; the small ones lie on top."""
    most = max(known.values())
    for (width, height), count in sorted(known.items(), key=lambda entry: (-entry[1], entry[0])):
        radius = max(SMALLEST, LARGEST * (count / most) ** 0.5) if scaled and most > 1 else SMALLEST
        words = f"{width} × {height}: {_many(count, 'image')}"
        yield Dot(round(100 * width / high, 2), round(100 - 100 * height / high, 2), round(radius, 1), words)


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"
