"""Seconds to compare pictures with each other, and to measure them.

    PYTHONPATH=. python benchmarks/duplicates.py [--pictures 1000 --pictures 10000 …] [--alike 0.1]

``compare`` is what a build does when one picture of so many is new: hashes of all against all, tiles where hashes are
near. The pictures are blurred noise, of which a share was saved anew, flatter and with noise; ``found`` says how many
of these were. Two hard cases: ``frames`` are a tenth as many pictures, all variants of one; ``blocks`` are as many (up
to 4,000) of 4 × 4 areas, of which very many are near by their hashes, a share saved anew as well. ``in Python``
compares the hashes of the first thousand one by one. ``look`` measures drawn JPEGs of a megapixel, one core.
"""

from __future__ import annotations

import argparse
import io
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lorabuild.images.likeness import BITS, Seen, pairs
from lorabuild.images.look import SIDE, hashed, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CELLS = 1536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, action="append")
    parser.add_argument("--alike", type=float, default=0.1)
    wishes = parser.parse_args()
    print("  pictures   compare     found      frames      blocks    found   in Python, 1000")
    for number in wishes.pictures or [1_000, 10_000, 30_000]:
        some, few = made(number, wishes.alike), made(min(number, 4_000), wishes.alike, areas=4)
        seconds, found = timed(pairs, some)
        frames, _ = timed(pairs, variants(number // 10))
        blocks, others = timed(pairs, few)
        slow, _ = timed(one_by_one, some[:1000])
        told = f"{seconds:>7.2f} s {again(found, some, wishes.alike):>11} {frames:>8.2f} s {blocks:>8.2f} s"
        print(f"  {number:>8,} {told} {again(others, few, wishes.alike):>8} {slow:>9.2f} s")
    data = megapixel()
    look(data)
    print(f"  look: {10 / timed(lambda: [look(data) for _ in range(10)])[0]:.1f} pictures a second, of a megapixel")


def timed(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = work(*given)
    return time.perf_counter() - begun, answer


def again(found: list[Any], pictures: list[Seen], alike: float) -> str:
    """How many of those that were saved anew stand in a pair with what they were saved from."""
    number = int(len(pictures) * alike)
    first = {other.name: one.name for one, other in zip(pictures, pictures[-number:], strict=False)} if number else {}
    known = sum(1 for pair in found if first.get(pair.other) == pair.kept and not pair.variant)
    return f"{known:,}/{number:,}"


def made(number: int, alike: float, areas: int = 8) -> list[Seen]:
    chance, side = np.random.default_rng(1), SIDE // areas
    grey = chance.integers(0, 256, (number, areas, areas)).repeat(side, axis=1).repeat(side, axis=2).reshape(number, -1)
    tiles = np.concatenate([grey, chance.integers(0, 256, (number, CELLS - SIDE * SIDE))], axis=1).astype(np.float32)
    again = int(number * alike)
    if again:
        tiles[-again:] = 0.9 * tiles[:again] + 12 + chance.normal(0, 1, (again, CELLS))
    return seen(tiles)


def variants(number: int) -> list[Seen]:
    """One picture, with another mark on each."""
    chance = np.random.default_rng(2)
    tiles = np.tile(chance.integers(40, 200, (8, 8)).repeat(4, axis=0).repeat(4, axis=1).ravel(), (number, 1))
    tiles = np.concatenate([tiles, np.full((number, CELLS - SIDE * SIDE), 128)], axis=1).astype(np.float32)
    for row, start in zip(tiles, chance.integers(0, SIDE * SIDE - 8, number), strict=True):
        row[start : start + 6] = chance.integers(0, 256)
    return seen(tiles)


def seen(tiles: NDArray[np.float32]) -> list[Seen]:
    cells = np.clip(tiles.round(), 0, 255).astype(np.uint8)
    grey = cells[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE)
    return [
        Seen(f"{place:08}", 1, hashed(grey[place]), b64encode(row.tobytes()).decode())
        for place, row in enumerate(cells)
    ]


def one_by_one(some: list[Seen]) -> list[tuple[int, int]]:
    hashes = [int(one.hash, 16) for one in some]
    return [
        (first, second)
        for place, first in enumerate(hashes)
        for second in hashes[place + 1 :]
        if (first ^ second).bit_count() <= BITS
    ]


def megapixel() -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).resize((1024, 1024), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
    return data.getvalue()


if __name__ == "__main__":
    main()
