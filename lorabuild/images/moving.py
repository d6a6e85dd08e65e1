"""Frames of what moves: which are taken, and their files. Animations are read here, films in ``film``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageChops, ImageSequence, ImageStat

from lorabuild.images.colour import srgb
from lorabuild.images.decode import MOST_PIXELS
from lorabuild.images.quiet import quiet
from lorabuild.schema.source_places import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from lorabuild.schema.sources import Source

CUT = 0.15  # how far a frame is from the one before it where a scene begins
ALIKE = 0.01  # films have frames that differ by noise alone
MOST_AT_ALL = 10_000_000_000  # pixels of all frames of an animation: a small file may have as many as it likes
TICK = 1e-6  # seconds
_AREAS = (32, 32)


class Frame(NamedTuple):
    """One frame: its number from 0, its time in seconds, its picture, which must be asked for before the next one."""

    number: int
    seconds: float
    image: Callable[[], Image.Image]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which frames are taken.

    Attributes:
        step: every so many; 0 takes them by time or by scene.
        every: seconds between two that are taken.
        scenes: the first after each cut.
        first, last: number and seconds from which on, and up to which, frames are looked at.
        alike: no frame that differs less than this from the last one taken; None takes all.
    """

    step: int = 1
    every: float = 0.0
    scenes: bool = False
    first: tuple[int | None, float | None] = (None, None)
    last: tuple[int | None, float | None] = (None, None)
    alike: float | None = None


def wanted(source: Source, *, film: bool) -> Wanted:
    """What a source says of its frames."""
    said = source.frames or ("" if source.every or film else "all")
    return Wanted(
        step=int(said.removeprefix("every ")) if said.startswith("every") else int(said == "all"),
        every=0.0 if said else moment(source.every or "1s")[1] or 0.0,
        scenes=said == "scenes",
        first=moment(source.from_) if source.from_ else (None, None),
        last=moment(source.to) if source.to else (None, None),
        alike=source.alike if source.alike is not None else ALIKE if film else None,
    )


def chosen(frames: Iterator[Frame], asked: Wanted) -> Generator[Frame]:
    """Those of the frames that are wanted; nothing after the last of them is read."""
    before = kept = None
    count, due = -1, 0.0
    for frame in frames:
        if _reached(frame, asked.last):
            return
        if asked.first != (None, None) and not _reached(frame, asked.first):
            continue
        count += 1
        due = due if count else frame.seconds
        if asked.scenes:
            small = _small(frame.image())
            taken = before is None or distance(before, small) >= CUT
            before = small
        else:
            taken = count % asked.step == 0 if asked.step else frame.seconds >= due - TICK
        if not taken:
            continue
        while asked.every and due <= frame.seconds + TICK:
            due += asked.every
        if asked.alike is not None:
            small = _small(frame.image())
            if kept is not None and distance(kept, small) <= asked.alike:
                continue
            kept = small
        yield frame


def distance(one: Image.Image, other: Image.Image) -> float:
    """How far two small pictures are apart: mean difference, 0 … 1."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3 / 255


def animated(path: Path) -> Generator[Frame]:
    """The frames of a gif, webp, png or avif, whole and with their transparency. Raises OSError, ValueError."""
    with quiet, Image.open(path) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"its frames have more than {MOST_PIXELS // 1_000_000} million pixels")
        seconds = 0.0
        for number, frame in enumerate(ImageSequence.Iterator(opened)):
            if number * opened.width * opened.height > MOST_AT_ALL:
                raise ValueError(f"its frames have more than {MOST_AT_ALL // 10**9} thousand million pixels")
            yield Frame(number, seconds, partial(_whole, frame))
            seconds += float(frame.info.get("duration", 0) or 0) / 1000


def _whole(frame: Image.Image) -> Image.Image:
    return srgb(frame.copy())


def taken_apart(path: Path, folder: Path, source: Source, *, film: bool) -> dict[str, str]:
    """Write the frames that are wanted as ``000120.png``; what went wrong under ``""``.

    Raises ProjectError where a film needs what isn't installed, OSError where the folder can't be written.
    """
    from lorabuild.images.film import frames

    written = 0
    try:
        with closing(frames(path) if film else animated(path)) as read:
            found = chosen(map(Frame._make, read), wanted(source, film=film))
            for frame in found:
                _write(frame, folder)
                written += 1
    except OSError as error:
        if error.errno is not None and error.filename != str(path):
            raise
        return {"": _damaged(error, written)}
    except (ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        return {"": _damaged(error, written)}
    return {} if written else {"": "none of its frames is wanted: see `from`, `to` and `every`"}


def _write(frame: Frame, folder: Path) -> None:
    target = folder / f"{frame.number:06}.png"
    frame.image().save(target, "PNG", compress_level=3)
    target.chmod(0o444)


def _damaged(error: Exception, written: int) -> str:
    kept = f"; the {written} frames before that are used" if written else ""
    return f"it can't be read{' further' if written else ''}: {error or type(error).__name__}{kept}"


def _small(image: Image.Image) -> Image.Image:
    """A picture as 32 × 32 areas."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "#ffffff"), image)
    return image.convert("RGB").resize(_AREAS, Image.Resampling.BOX)


def _reached(frame: Frame, at: tuple[int | None, float | None]) -> bool:
    number, seconds = at
    return (number is not None and frame.number >= number) or (seconds is not None and frame.seconds >= seconds - TICK)
