"""The steps between a decoded picture and the one that is trained on, in their order."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

from lorabuild.balance.buckets import bucket_of, resized, upscaled
from lorabuild.core.digest import digest
from lorabuild.core.files import read_if_there
from lorabuild.images import cut
from lorabuild.images.decode import UnreadableError, decode
from lorabuild.images.moves import moved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.images.moves import Move

MODELS = ("erase", "restore", "upscale", "detector", "mask_model")


class ChangedError(Exception):
    """What marks the part to be erased is no longer what the plan saw."""


@dataclass(slots=True)
class Course:
    """A picture on its way.

    Attributes:
        image: RGB, as it is now.
        background: the colour of borders that are added.
        moves: what was cut off and added, and how it was enlarged.
        done: the steps that did something.
        painted: whether its pixels are others than those of the file.
    """

    image: Image.Image
    background: str
    moves: tuple[Move, ...] = ()
    done: list[str] = field(default_factory=list)
    painted: bool = False

    def move(self, step: str, kind: str, numbers: tuple[int, ...]) -> None:
        """Cut, or add."""
        self.image = moved(self.image, [(kind, numbers)], self.background)
        self.moves += ((kind, numbers),)
        self.done.append(step)

    def paint(self, step: str, image: Image.Image) -> None:
        """Put another picture in its place; one of another size is a move, too."""
        if image.size != self.image.size:
            self.moves += (("size", image.size),)
        self.image, self.painted = image, True
        self.done.append(step)


def heavy(steps: Mapping[str, Any]) -> bool:
    """Whether a model works on the picture."""
    return any(steps.get(word, "fill") != "fill" for word in MODELS)


def taken(image: Image.Image, steps: Mapping[str, Any], background: str) -> Course:
    """All steps for an RGB picture. Raises ``UnreadableError`` where one can't be taken, and ``ChangedError``.

    Args:
        image: the whole picture, upright and flattened.
        steps: what is asked: words of ``images:`` with models as paths, ``mark`` [path, digest], ``cut``, ``sizes``.
        background: the colour of borders that are added.
    """
    course = Course(image, background)
    if "erase" in steps:
        _erase(course, steps["erase"], *steps["mark"])
    drawn = _cut(course, steps)
    if "trim" in steps and not drawn:
        _keep(course, "trim", cut.trimmed(course.image, steps["trim"]))
    if "restore" in steps or "upscale" in steps:
        _improve(course, steps)
    if shape := _shape(course.image.size, steps):
        borders = cut.padding(course.image.size, shape)
        if any(borders):
            course.move("pad", "pad", borders)
    return course


def _erase(course: Course, how: str, place: str, wanted: str) -> None:
    data = read_if_there(place)
    if data is None or digest(data) != wanted:
        raise ChangedError
    try:
        mark = decode(data).image
    except UnreadableError as error:
        raise UnreadableError(f"its {_name(place)} can't be used: {error.what}") from error
    if mark.mode == "RGBA":
        mark = Image.alpha_composite(Image.new("RGBA", mark.size, "#000000"), mark)
    if mark.size != course.image.size:
        sizes = "{} x {} pixels, not {} x {}".format(*mark.size, *course.image.size)
        raise UnreadableError(f"its {_name(place)} can't be used: it has {sizes}")
    hole = mark.convert("L").point([255 if level > 127 else 0 for level in range(256)])
    if hole.getbbox() is None:
        return
    if how == "fill":
        from lorabuild.images.fill import filled

        course.paint("erase", filled(course.image, hole))
    else:
        from lorabuild.images.restoring import inpainted

        course.paint("erase", inpainted(course.image, hole, how))


def _cut(course: Course, steps: Mapping[str, Any]) -> bool:
    """Cut out what is asked for; whether a person said which part by a box."""
    kind, *said = steps.get("cut") or ("whole",)
    if kind == "broken":
        raise UnreadableError(f"its .crop.json can't be used: {said[0]}")
    if kind == "box":
        if (box := cut.inside(course.image.size, (said[0], said[1], said[2], said[3]))) is None:
            raise UnreadableError(f"the box {said} in its .crop.json lies outside of its picture")
        _keep(course, "crop", box)
    elif kind == "shape":
        _keep(course, "crop", cut.shaped(course.image.size, said[0], said[1]))
    elif kind == "person":
        person = said[1] or _found(course.image, steps)
        if person and (box := cut.framed(course.image.size, (person[0], person[1], person[2], person[3]), said[0])):
            _keep(course, "crop", box)
    return kind == "box"


def _found(image: Image.Image, steps: Mapping[str, Any]) -> cut.Box | None:
    if "detector" not in steps:
        return None
    from lorabuild.images.person import found

    return found(image, steps["detector"])


def _keep(course: Course, step: str, box: cut.Box) -> None:
    if box != (0, 0, *course.image.size):
        course.move(step, "cut", box)


def _improve(course: Course, steps: Mapping[str, Any]) -> None:
    """Repair, then enlarge what is smaller than its bucket, no further than that asks for."""
    from lorabuild.images.restoring import enlarged, restored

    if "restore" in steps:
        course.paint("restore", restored(course.image, steps["restore"]))
    if "upscale" in steps:
        bucket = bucket_of(*course.image.size, tuple((size[0], size[1]) for size in steps["sizes"]))
        if upscaled(*course.image.size, bucket):
            course.paint("upscale", enlarged(course.image, steps["upscale"], resized(*course.image.size, bucket)))


def _shape(size: tuple[int, int], steps: Mapping[str, Any]) -> tuple[int, int] | None:
    if steps.get("pad") == "bucket":
        return bucket_of(*size, tuple((one[0], one[1]) for one in steps["sizes"]))
    return (1, 1) if "pad" in steps else None


def png(image: Image.Image, least: int) -> bytes:
    """A picture as PNG of more than ``least`` bytes: the store makes a file of it, which other processes can open."""
    from PIL.PngImagePlugin import PngInfo

    written, more = io.BytesIO(), PngInfo()
    image.save(written, "PNG", compress_level=3)
    if written.tell() <= least:
        more.add(b"paDd", bytes(least))
        written = io.BytesIO()
        image.save(written, "PNG", compress_level=3, pnginfo=more)
    return written.getvalue()


def _name(place: str | Path) -> str:
    return str(place).replace("\\", "/").rpartition("/")[2]
