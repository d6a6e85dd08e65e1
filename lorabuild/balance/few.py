"""The few bucket sizes that crop least from given pictures, and what sizes crop."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.balance.buckets import Size, Sizes, bucket_of, resized

if TYPE_CHECKING:
    from collections.abc import Iterable


Way = tuple[float, tuple[int, ...]]


class Row(NamedTuple):
    """A bucket: how many pictures fall in it, how many are enlarged for it, and the mean share that is cropped."""

    size: Size
    images: int
    enlarged: int
    cropped: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"size": list(self.size), "images": self.images, "enlarged": self.enlarged, "cropped": self.cropped}


def cropped(picture: Size, bucket: Size) -> float:
    """The share of a picture that sticks out of its bucket, 0 … 1."""
    width, height = resized(*picture, bucket)
    return 1 - bucket[0] * bucket[1] / (width * height)


def rows(pictures: Iterable[Size], sizes: Sizes) -> tuple[Row, ...]:
    """The buckets that are used, ascending."""
    held: dict[Size, list[tuple[Size, int]]] = {}
    for picture, count in sorted(Counter(pictures).items()):
        held.setdefault(bucket_of(*picture, sizes), []).append((picture, count))
    return tuple(_row(bucket, held[bucket]) for bucket in sorted(held))


def _row(bucket: Size, held: list[tuple[Size, int]]) -> Row:
    many = sum(count for _, count in held)
    lost = sum(cropped(picture, bucket) * count for picture, count in held) / many
    small = sum(count for (width, height), count in held if width < bucket[0] or height < bucket[1])
    return Row(bucket, many, small, round(lost, 4))


def share(held: Iterable[Row]) -> float:
    """The mean share that is cropped from all pictures of these buckets."""
    known = list(held)
    return round(sum(row.cropped * row.images for row in known) / max(1, sum(row.images for row in known)), 4)


def best(pictures: Iterable[Size], sizes: Sizes, few: int) -> Sizes:
    """The ``few`` sizes that crop least from the pictures in all; fewer where more would crop no less.

    A picture goes to the nearest in aspect ratio, so on the line of ratios each size has a stretch of pictures, and the
    best choice is found size by size (dynamic programming). Of equal choices the first one in order of ratio counts.
    """
    seen = sorted(Counter(pictures).items(), key=lambda entry: (entry[0][0] / entry[0][1], entry[0]))
    if not seen:
        return sizes
    by_ratio = {size[0] / size[1]: size for size in reversed(sizes)}  # of one ratio the first counts, as for pictures
    ratios = sorted(by_ratio)
    line = [by_ratio[ratio] for ratio in ratios]
    at = [one[0] / one[1] for one, _ in seen]
    tails = [_tail([cropped(one, size) * count for one, count in seen]) for size in line]
    ways: list[Way] = [
        (tail[0], (place,)) for place, tail in enumerate(tails)
    ]  # each takes all: its cost, the sizes so far
    chosen = min(ways)
    for _ in range(1, min(few, len(line))):
        longer: list[Way] = []
        for place in range(len(line)):
            for before, (cost, way) in enumerate(ways):
                if way[-1] == before < place:
                    border = bisect_right(at, (ratios[before] + ratios[place]) / 2)
                    longer.append((cost - tails[before][border] + tails[place][border], (*way, place)))
        ways = _cheapest(longer, len(line))
        chosen = min([chosen, *ways], key=lambda found: (round(found[0], 9), len(found[1]), found[1]))
    return tuple(sorted(line[place] for place in chosen[1]))


def _tail(costs: list[float]) -> list[float]:
    """What all pictures from each on cost, and none at the end."""
    return [*accumulate(reversed(costs), initial=0.0)][::-1]


def _cheapest(found: list[Way], many: int) -> list[Way]:
    """For each size the cheapest way that ends with it; a way that is none costs more than any."""
    ways: list[Way] = [(inf, (-1,))] * many
    for cost, way in found:
        ways[way[-1]] = min(ways[way[-1]], (cost, way))
    return ways
