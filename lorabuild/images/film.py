"""Frames of a film, through PyAV: upright, in the shape in which they are shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.images.decode import MOST_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from av.video.frame import VideoFrame
    from PIL import Image

NEEDED = "pip install 'lorabuild[video]'"


def frames(path: Path) -> Generator[tuple[int, float, Callable[[], Image.Image]]]:
    """Every frame of the first video stream as it is shown: its number, its time in seconds, its picture.

    Raises:
        ProjectError: PyAV isn't installed.
        ValueError: it is no film, or damaged.
    """
    try:
        import av
    except ImportError as error:
        raise ProjectError(f"{path.name} is a film, and films are read with PyAV", next_step=NEEDED) from error
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as opened:
            if not opened.streams.video:
                raise ValueError("there is no video in it")
            stream = opened.streams.video[0]
            if stream.width * stream.height > MOST_PIXELS:
                raise ValueError(f"its frames have more than {MOST_PIXELS // 1_000_000} million pixels")
            stream.thread_type = "AUTO"
            start = stream.start_time or 0
            for number, frame in enumerate(opened.decode(stream)):
                when = 0.0 if frame.pts is None or not stream.time_base else (frame.pts - start) * stream.time_base
                yield number, float(when), partial(_shown, frame, stream.sample_aspect_ratio)
    except av.error.FFmpegError as error:
        raise ValueError(str(error.strerror or error)) from error


def _shown(frame: VideoFrame, aspect: object) -> Image.Image:
    """A frame as it is meant to be seen: square pixels, turned as its matrix says."""
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    ratio = float(aspect) if aspect else 1.0  # type: ignore[arg-type]  # a Fraction
    if abs(ratio - 1) > 0.01:
        image = image.resize((max(1, round(image.width * ratio)), image.height))
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
