"""Reading a picture, whatever it is: upright, in sRGB, the first frame; or saying in plain words why it can't be read.

Files are hostile until decoded: sizes are bounded before pixels are made, and nothing but a picture is ever opened.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import PIL
from blake3 import blake3
from PIL import Image, UnidentifiedImageError

from lorabuild.core.errors import LorabuildError
from lorabuild.images import magic, room
from lorabuild.images.colour import ModeError, srgb
from lorabuild.images.moves import moved, read
from lorabuild.images.quiet import quiet

if TYPE_CHECKING:
    import os

    from lorabuild.images.moves import Move
    from lorabuild.schema.images import Images

MOST_PIXELS = 89_478_485  # Pillow's own bound: a quarter of a gigabyte in RGB

_TOO_LARGE = f"it has more than the {MOST_PIXELS // 1_000_000} million pixels that are safe to open; scale it down"
_BAND = 1 << 16  # pixels that are hashed at once: they stay in the processor's cache
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableError(LorabuildError):
    """A file that gives no picture; ``what`` says why."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file holds: size in pixels after the EXIF turn, format (``png``), Pillow's mode, digest of its pixels."""

    width: int
    height: int
    format: str
    mode: str
    pixels: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A training picture: RGB, digest of its pixels, and how opaque it was where anything transparent was flattened.

    ``moves`` are the cuts and borders that made it of a picture of the size ``whole``.
    """

    image: Image.Image
    pixels: str
    opacity: Image.Image | None = None
    moves: tuple[Move, ...] = ()
    whole: tuple[int, int] = (0, 0)

    @property
    def alpha(self) -> bool:
        """Whether anything transparent was flattened."""
        return self.opacity is not None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded file: upright sRGB as RGB or RGBA, its format, and the mode that it was stored in."""

    image: Image.Image
    format: str
    mode: str


def record() -> dict[str, str]:
    """On what pictures are decoded: another version may round a JPEG otherwise."""
    return {"pillow": PIL.__version__}


def probe(data: bytes) -> Probe:
    """What the bytes of a file hold. Raises ``UnreadableError``."""
    picture = decode(data)
    width, height = picture.image.size
    return Probe(width, height, picture.format, picture.mode, pixel_digest(picture.image, "RGBA"))


def prepared(path: str | os.PathLike[str], settings: Images, moves: str = "") -> Prepared:
    """The training picture of a file. Raises ``UnreadableError``, and OSError where there is no such file."""
    return prepare(Path(path).read_bytes(), settings, moves)


def prepare(data: bytes, settings: Images, moves: str = "") -> Prepared:
    """The training picture of a file's bytes, after these moves. Raises ``UnreadableError``."""
    image = decode(data).image
    opacity = image.getchannel("A") if image.mode == "RGBA" else None
    if opacity is not None and opacity.getextrema() == (255, 255):
        opacity = None
    if opacity is not None:
        image = Image.alpha_composite(Image.new("RGBA", image.size, settings.background), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return stepped(image, opacity, read(moves), settings)


def stepped(image: Image.Image, opacity: Image.Image | None, moves: tuple[Move, ...], settings: Images) -> Prepared:
    """The training picture of a flattened one, after these moves."""
    whole = image.size
    image = moved(image, moves, settings.background)
    seen = None if opacity is None else moved(opacity, moves, "black")
    return Prepared(image, pixel_digest(image, "RGB"), seen, moves, whole)


def pixel_digest(image: Image.Image, mode: str) -> str:
    """BLAKE3 over ``WxH MODE`` and the pixels in that mode, band by band: a large picture is never there twice."""
    hasher = blake3(f"{image.width}x{image.height} {mode}".encode())
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(image.height, top + rows)))
        hasher.update((band if band.mode == mode else band.convert(mode)).tobytes())
    return "b3:" + hasher.hexdigest()


def decode(data: bytes) -> Picture:
    """The first frame, upright and in sRGB. Raises ``UnreadableError`` in a person's words."""
    found = _named(data)
    try:
        with quiet, Image.open(io.BytesIO(data), formats=(found.upper(),)) as opened:
            _bounded(*opened.size)
            with room.asked.held(opened.width * opened.height):
                return _loaded(opened)
    except (UnreadableError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(_TOO_LARGE) from error
    except ModeError as error:
        raise UnreadableError(str(error)) from error
    except Exception as error:
        raise UnreadableError(_damaged(found, error)) from error


def _loaded(opened: Image.Image) -> Picture:
    opened.load()
    image = srgb(opened)
    turn = _TURNS.get(_orientation(opened))
    kind = "jpeg" if opened.format == "MPO" else str(opened.format).lower()
    return Picture(image if turn is None else image.transpose(turn), kind, opened.mode)


def _orientation(opened: Image.Image) -> int:
    """EXIF orientation 1 to 8, asked after loading (a TIFF is turned by then); 1 where the EXIF data is broken."""
    try:
        return int(opened.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF data must not lose a sound picture
        return 1


def _named(data: bytes) -> str:
    """The format that the head of the file promises. Raises ``UnreadableError`` where we read no such thing."""
    if not data:
        raise UnreadableError("the file is empty (0 bytes)")
    found = magic.kind(data[: magic.HEAD])
    if found is None:
        raise UnreadableError("it is not an image")
    if found not in magic.READABLE:
        raise UnreadableError(f"it is a {found} file, which is not read here; save it as png, jpg or webp")
    return found


def _bounded(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise UnreadableError(f"{_TOO_LARGE} (it says {width} x {height})")


def _damaged(found: str, error: Exception) -> str:
    if "truncated" in str(error).lower():
        return f"the {found} file is cut off (truncated); copy or download it again"
    if isinstance(error, UnidentifiedImageError):
        return f"the {found} file is damaged or cut off: no picture can be found in it"
    return f"the {found} file is damaged: {error or type(error).__name__}"
