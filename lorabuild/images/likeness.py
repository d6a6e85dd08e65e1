"""Which pictures of a set are one and the same, saved anew, and which differ in one place only: an expression, a bow.

Hashes say which pairs to look at; their tiles say what becomes of each, for a hash can't see a small change. Where
pictures are made of a few blocks many share a hash: outlines, means of 8 × 8 tiles, rule out most of these pairs.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lorabuild.images.look import COLOURS, SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BITS = 14  # of a hash's 64: saved anew 0 to 2, cropped by a twentieth 6 to 10, a mark on a plain one 12, another 20 up
CHANGED = 15  # levels by which a tile differs, once both pictures are equally bright
FEW = 2  # tiles that may differ by chance, at edges
LOCAL = 0.5  # share of the picture that a box around all that differs may have, where it is a local change
CALM = 3  # levels by which half of the tiles may differ then
ALIKE, SPREAD = 0.9, 0.5  # correlation of a picture with a crop of itself; share of the tiles that may differ then
COARSE = 8  # cells of an outline, across and down
EDGE = 8  # levels by which the cells along an edge may differ where the change is elsewhere


class Seen(NamedTuple):
    """A picture as it is compared: its name, its area in pixels, and the ``hash`` and ``tiles`` of its look."""

    name: str
    area: int
    hash: str
    tiles: str


class Pair(NamedTuple):
    """Two pictures that are alike: the larger one, the other, and in what share of their tiles they differ.

    ``variant``: they differ in one place only, and each is worth learning from.
    """

    kept: str
    other: str
    share: float
    variant: bool


def pairs(pictures: Sequence[Seen]) -> list[Pair]:
    """Every picture that is like a larger one, with the largest that it is like; it stands for no third one.

    Variants are told apart from their first relative only, and stand for the pictures that are like themselves.
    """
    ranked = sorted(pictures, key=lambda one: (-one.area, one.name))
    if not ranked:
        return []
    hashes = np.array([int(one.hash, 16) for one in ranked], np.uint64)
    tiles = np.frombuffer(b"".join(b64decode(one.tiles) for one in ranked), np.uint8).reshape(len(ranked), -1)
    outlines = _outlines(tiles[:, : SIDE * SIDE])
    own, related, found = np.ones(len(ranked), bool), np.zeros(len(ranked), bool), []
    for place, one in enumerate(ranked):
        if not own[place]:
            continue
        few = np.bitwise_count(hashes[place + 1 :] ^ hashes[place]) <= BITS
        close = place + 1 + np.flatnonzero(few & own[place + 1 :])
        if not len(close):
            continue
        close = close[_possible(*(part[place] for part in outlines), *(part[close] for part in outlines))]
        for other, share, variant in zip(close, *_compared(tiles[place], tiles[close]), strict=True):
            if share < 0 or (variant and related[other]):
                continue
            found.append(Pair(one.name, ranked[other].name, round(float(share), 4), bool(variant)))
            related[other] |= variant
            own[other] = bool(variant)
    dropped = {pair.other for pair in found if not pair.variant}
    return [pair for pair in found if not (pair.variant and pair.other in dropped)]


def _outlines(grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each picture a unit vector, whose product with another's is no less than their correlation; and its edges.

    The vector holds its cells, and how much its tiles differ from these. The edges are four rows of cells [N, 4, 8]
    around their mean.
    """
    inside = SIDE // COARSE
    cells = grey.reshape(-1, COARSE, inside, COARSE, inside).mean((2, 4), dtype=np.float64)
    flat = cells.reshape(-1, COARSE * COARSE)
    flat -= (mean := flat.mean(axis=1, keepdims=True))
    whole = np.einsum("ij,ij->i", grey, grey, dtype=np.float64) - grey.shape[1] * mean[:, 0] ** 2
    detail = whole - inside**2 * (flat**2).sum(axis=1)
    vectors = np.concatenate([inside * flat, np.sqrt(np.maximum(detail, 0))[:, None]], axis=1)
    vectors /= np.sqrt(np.maximum(whole, 1e-6))[:, None]
    edges = np.stack([cells[:, 0], cells[:, -1], cells[:, :, 0], cells[:, :, -1]], axis=1)
    edges -= edges.mean(axis=2, keepdims=True)
    return vectors.astype(np.float32), edges.astype(np.float32)


def _possible(
    mine: NDArray[np.float32], edges: NDArray[np.float32], others: NDArray[np.float32], theirs: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which of the others can be alike at all: correlated, or the same along one edge at least, once equally bright.

    A box of ``LOCAL`` of the picture leaves the outer four tiles of an edge as they are.
    """
    along, spread = (theirs * edges).sum(axis=2), (edges**2).sum(axis=1)
    slope = np.clip(along / np.maximum(spread, 1e-6), 0.5, 2)
    rest = (theirs**2).sum(axis=2) - 2 * slope * along + slope**2 * spread
    possible: NDArray[np.bool_] = (others @ mine >= ALIKE - 0.01) | (rest <= COARSE * EDGE**2).any(axis=1)
    return possible


def _compared(one: NDArray[np.uint8], others: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """For each of the others the share of tiles that differ, -1 where it is another picture; and is it a variant?"""
    if not len(others):
        return np.zeros(0, np.float32), np.zeros(0, bool)
    grey, mine, theirs = SIDE * SIDE, one.astype(np.float32), others.astype(np.float32)
    bright = np.abs(_levelled(mine[:grey], theirs[:, :grey]))
    planes = [slice(start, start + COLOURS**2) for start in (grey, grey + COLOURS**2)]
    colour = np.maximum(*(np.abs(_levelled(mine[plane], theirs[:, plane])) for plane in planes))
    apart = (bright > CHANGED).reshape(-1, SIDE, SIDE)
    apart |= (colour > CHANGED).reshape(-1, COLOURS, COLOURS).repeat(2, axis=1).repeat(2, axis=2)
    share, reach = apart.mean(axis=(1, 2), dtype=np.float32), _reach(apart)
    share[share * grey <= FEW] = 0
    local = (share > 0) & (reach <= LOCAL) & (np.median(bright, axis=1) <= CALM)
    moved = (share <= SPREAD) & (_correlation(mine[:grey], theirs[:, :grey]) >= ALIKE)
    return np.where(local | moved | (share == 0), share, np.float32(-1)), local


def _reach(apart: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of the picture [N, H, W] that the smallest box around all changed tiles has."""
    found: NDArray[np.float64] = np.ones(len(apart))
    for axis in (1, 2):
        hit = np.asarray(apart.any(axis=axis))
        found *= 1 - (hit.argmax(axis=1) + hit[:, ::-1].argmax(axis=1)) / hit.shape[1]
    return found


def _levelled(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of theirs minus mine where both are equally bright and of equal contrast; a change doesn't count."""
    weight = np.ones_like(theirs)
    for _ in range(2):
        total = weight.sum(axis=1, keepdims=True)
        centre = (weight * mine).sum(axis=1, keepdims=True) / total
        other = (weight * theirs).sum(axis=1, keepdims=True) / total
        spread = (weight * (mine - centre) ** 2).sum(axis=1, keepdims=True)
        slope = (weight * (mine - centre) * (theirs - other)).sum(axis=1, keepdims=True) / np.maximum(spread, 1)
        rest: NDArray[np.float32] = theirs - other - np.clip(slope, 0.5, 2) * (mine - centre)
        weight = (np.abs(rest) <= 2 * np.median(np.abs(rest), axis=1, keepdims=True) + 1).astype(np.float32)
    return rest


def _correlation(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    first, second = mine - mine.mean(), theirs - theirs.mean(axis=1, keepdims=True)
    size = np.sqrt((first**2).sum() * (second**2).sum(axis=1))
    found: NDArray[np.float32] = (second @ first) / np.maximum(size, 1)
    return found
