"""Draws a creature from a `Spec`, with Pillow only and always the same.

Pictures are 64x64 (or any other size asked for), drawn four times larger and averaged down. Lengths below are in
64ths of the picture unless they are called shares: then they are shares of the body's radius.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from .scenery import draw_scene, shade
from .words import BELLIES, CAPE_RED, PINK, RGB

INK: RGB = (18, 18, 22)
SUPERSAMPLE = 4
RADIUS = {"big": 18.5, "small": 11.5}
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spec:
    """All that decides a picture. `seed` moves what no tag speaks of: place, size and shade by a few per cent."""

    shape: str
    skin: RGB
    scene: str
    size: str = "big"
    limbs: bool = False
    accessory: str = ""
    one_eye: bool = False
    head: str = ""
    head_rgb: RGB = PINK
    belly: str = ""
    belly_rgb: RGB = PINK
    garment: str = ""
    garment_rgb: RGB = CAPE_RED
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Face:
    """Where a shape keeps its face and its crown: shares of the radius, y downwards from the body's middle."""

    top: float
    eyes: float
    scale: float
    arms: float = 0.95


FACES = {
    "round": Face(top=-1.0, eyes=-0.18, scale=1.0),
    "square": Face(top=-0.9, eyes=-0.2, scale=1.0, arms=0.9),
    "triangle": Face(top=-1.15, eyes=0.16, scale=0.82, arms=0.68),
    "star": Face(top=-1.3, eyes=-0.08, scale=0.8, arms=0.85),
    "ghost": Face(top=-1.0, eyes=-0.3, scale=1.0, arms=0.86),
}


class Pen:
    """Draws on the large canvas in shares of one body's radius around its middle."""

    def __init__(self, image: Image.Image, middle: Point, radius: float) -> None:
        self.draw = ImageDraw.Draw(image)
        self.unit = image.width / 64
        self.middle, self.radius = middle, radius
        self.line = max(1, round(1.3 * self.unit))

    def at(self, x: float, y: float) -> Point:
        """Canvas pixels of a point given in shares."""
        return (self.middle[0] + x * self.radius) * self.unit, (self.middle[1] + y * self.radius) * self.unit

    def shape(self, points: list[Point], fill: RGB) -> None:
        """A filled, inked polygon."""
        corners = [self.at(x, y) for x, y in points]
        self.draw.polygon(corners, fill=fill)
        self.draw.line([*corners, corners[0], corners[1]], fill=INK, width=self.line, joint="curve")

    def oval(self, x: float, y: float, rx: float, ry: float, fill: RGB) -> None:
        """A filled, inked ellipse."""
        self.draw.ellipse([self.at(x - rx, y - ry), self.at(x + rx, y + ry)], fill=fill, outline=INK, width=self.line)

    def stroke(self, points: list[Point], fill: RGB, width: float) -> None:
        """A thick open line; `width` is a share."""
        pixels = max(1, round(width * self.radius * self.unit))
        self.draw.line([self.at(x, y) for x, y in points], fill=fill, width=pixels, joint="curve")


def body_outline(shape: str) -> list[Point]:
    """The body's outline in shares."""
    if shape == "round":
        return _arc(0, 0, 1, 1, 0, 360)
    if shape == "square":
        return [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
    if shape == "triangle":
        return [(0, -1.15), (1.15, 0.92), (-1.15, 0.92)]
    if shape == "star":
        spikes = [(1.3 if i % 2 == 0 else 0.72, math.pi * (i / 5 - 0.5)) for i in range(10)]
        return [(reach * math.cos(a), reach * math.sin(a)) for reach, a in spikes]
    waves = [(0.86, 1.0), (0.5, 0.68), (0.17, 1.0), (-0.17, 0.68), (-0.5, 1.0), (-0.86, 0.68)]
    return [*_arc(0, -0.14, 0.86, 0.86, 180, 360), *waves]


def _arc(x: float, y: float, rx: float, ry: float, start: int, end: int) -> list[Point]:
    return [(x + rx * math.cos(math.radians(a)), y + ry * math.sin(math.radians(a))) for a in range(start, end + 1, 6)]


def draw_behind(pen: Pen, spec: Spec) -> None:
    """Clothes that lie behind the body."""
    if spec.garment == "cape":
        pen.shape([(-0.95, -0.6), (0.95, -0.6), (1.7, 1.22), (-1.7, 1.22)], spec.garment_rgb)
    elif spec.garment == "wings":
        for side in (-1, 1):
            pen.shape([(side * 0.5, 0.1), (side * 1.7, -0.95), (side * 1.75, 0.0), (side * 0.6, 0.6)], spec.garment_rgb)
    elif spec.garment == "shell":
        pen.oval(0, 0.15, 1.5, 1.2, spec.garment_rgb)
    elif spec.garment == "balloon":
        pen.stroke([(0.8, 0.2), (1.45, -0.5)], INK, 0.08)
        pen.oval(1.42, -0.95, 0.42, 0.52, spec.garment_rgb)


def draw_limbs(pen: Pen, spec: Spec) -> None:
    """Two arms and two legs, behind the body."""
    arms = FACES[spec.shape].arms
    for side in (-1, 1):
        pen.stroke([(side * arms * 0.8, 0.3), (side * (arms + 0.45), 0.02)], INK, 0.15)
        pen.stroke([(side * 0.38, 0.6), (side * 0.38, 1.26)], INK, 0.16)
        pen.oval(side * 0.47, 1.26, 0.24, 0.1, INK)


def draw_front(pen: Pen, spec: Spec) -> None:
    """Clothes that lie on the body."""
    colour = spec.garment_rgb
    if spec.garment == "skirt":
        pen.shape([(-0.8, 0.5), (0.8, 0.5), (1.3, 1.12), (-1.3, 1.12)], colour)
    elif spec.garment == "belt":
        pen.shape([(-1.0, 0.52), (1.0, 0.52), (1.0, 0.82), (-1.0, 0.82)], colour)
        pen.oval(0, 0.67, 0.2, 0.2, PINK)
    elif spec.garment == "scarf":
        pen.shape([(-0.95, 0.6), (0.95, 0.6), (0.95, 0.88), (-0.95, 0.88)], colour)
        pen.shape([(0.45, 0.7), (0.85, 0.7), (0.9, 1.35), (0.5, 1.35)], colour)
    elif spec.garment == "boots":
        for side in (-1, 1):
            pen.shape([(side * 0.2, 0.85), (side * 0.6, 0.85), (side * 0.85, 1.36), (side * 0.2, 1.36)], colour)


def draw_belly(pen: Pen, spec: Spec) -> None:
    """A pattern below the face; `scale` keeps it inside slim bodies."""
    scale = FACES[spec.shape].scale * 0.92
    if spec.belly == "spots":
        for x, y in ((-0.48, 0.42), (0.48, 0.42), (-0.2, 0.76), (0.24, 0.74)):
            pen.draw.ellipse(
                [pen.at(x * scale - 0.13, y - 0.13), pen.at(x * scale + 0.13, y + 0.13)], fill=spec.belly_rgb
            )
    elif spec.belly == "stripes":
        for y in (0.4, 0.7):
            pen.stroke([(-0.56 * scale, y), (0.56 * scale, y)], spec.belly_rgb, 0.15)
    elif spec.belly in BELLIES:
        pen.draw.ellipse([pen.at(-0.52 * scale, 0.2), pen.at(0.52 * scale, 0.84)], fill=spec.belly_rgb)


def draw_face(pen: Pen, spec: Spec) -> None:
    """Eyes, unless sunglasses hide them, and always the same smile."""
    face = FACES[spec.shape]
    s, y = face.scale, face.eyes
    if spec.accessory == "sunglasses":
        pass
    elif spec.one_eye:
        pen.oval(0, y, 0.46 * s, 0.46 * s, (255, 255, 255))
        pen.oval(0, y, 0.2 * s, 0.2 * s, INK)
    else:
        for side in (-1, 1):
            pen.oval(side * 0.37 * s, y, 0.3 * s, 0.3 * s, (255, 255, 255))
            pen.oval(side * 0.34 * s, y, 0.12 * s, 0.12 * s, INK)
    low = y + 0.5 * s
    pen.draw.polygon([pen.at(*p) for p in _arc(0, low, 0.34 * s, 0.26 * s, 0, 180)], fill=(92, 16, 28))


def draw_head(pen: Pen, spec: Spec) -> None:
    """What grows on the head; drawn before the body, so that it is rooted in it."""
    top, colour = FACES[spec.shape].top, spec.head_rgb
    root = min(top + 0.5, -0.6)
    if spec.head == "halo":
        pen.oval(0, top - 0.3, 0.6, 0.17, colour)
    elif spec.head == "tuft":
        pen.shape([(-0.42, root), (-0.5, top - 0.4), (-0.1, top - 0.1), (0.05, top - 0.55), (0.2, top - 0.1),
                   (0.55, top - 0.38), (0.42, root)], colour)  # fmt: skip
    for side in (-1, 1):
        if spec.head == "antennae":
            pen.stroke([(side * 0.35, root), (side * 0.72, top - 0.5)], INK, 0.13)
            pen.oval(side * 0.72, top - 0.52, 0.27, 0.27, colour)
        elif spec.head == "horns":
            pen.shape([(side * 0.2, root), (side * 0.8, root + 0.1), (side * 0.85, top - 0.45)], colour)
        elif spec.head == "ears":
            pen.oval(side * 0.68, top + 0.12, 0.4, 0.4, colour)


def draw_accessory(pen: Pen, spec: Spec) -> None:
    """Hat, bow or sunglasses, each always in its one colour."""
    face = FACES[spec.shape]
    s, top = face.scale, face.top + (0.25 if spec.shape in {"star", "triangle"} else 0.08)
    if spec.accessory == "hat":
        pen.shape([(-0.5, top - 0.62), (0.5, top - 0.62), (0.5, top), (-0.5, top)], (120, 72, 40))
        pen.shape([(-0.9, top - 0.08), (0.9, top - 0.08), (0.9, top + 0.1), (-0.9, top + 0.1)], (120, 72, 40))
    elif spec.accessory == "bow":
        for side in (-1, 1):
            pen.shape([(0, top), (side * 0.72, top - 0.4), (side * 0.72, top + 0.3)], (255, 100, 180))
        pen.oval(0, top, 0.18, 0.18, (255, 100, 180))
    elif spec.accessory == "sunglasses":
        for side in (-1, 1):
            box = [(0.04, -0.26), (0.74, -0.26), (0.66, 0.24), (0.14, 0.24)]
            pen.shape([(side * x * s, face.eyes + y * s) for x, y in box], (10, 10, 12))
        pen.stroke([(-0.6 * s, face.eyes - 0.2 * s), (0.6 * s, face.eyes - 0.2 * s)], INK, 0.14)


def draw(spec: Spec, pixels: int = 64) -> Image.Image:
    """The picture of `spec`: RGB, `pixels` by `pixels`."""
    return _compose(spec, pixels, "RGB")


def draw_cut_out(spec: Spec, pixels: int = 64) -> Image.Image:
    """The creature alone: RGBA, transparent where the background would be."""
    return _compose(spec, pixels, "RGBA")


def _compose(spec: Spec, pixels: int, mode: str) -> Image.Image:
    rng = random.Random(spec.seed)
    large = Image.new(mode, (pixels * SUPERSAMPLE,) * 2)
    if mode == "RGB":
        draw_scene(large, spec.scene, rng)
    middle = (32 + rng.uniform(-2, 2), (37.5 if spec.size == "big" else 38.5) + rng.uniform(-1.5, 1.5))
    pen = Pen(large, middle, RADIUS[spec.size] * rng.uniform(0.96, 1.04))
    spec = replace(spec, skin=shade(rng, spec.skin))
    draw_behind(pen, spec)
    if spec.limbs:
        draw_limbs(pen, spec)
    if spec.head:
        draw_head(pen, spec)
    pen.shape(body_outline(spec.shape), spec.skin)
    draw_belly(pen, spec)
    draw_front(pen, spec)
    draw_face(pen, spec)
    draw_accessory(pen, spec)
    return large.reduce(SUPERSAMPLE)
