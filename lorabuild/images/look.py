"""What a picture looks like, in a few numbers: hash and small tiles to compare it by, blur, artefacts, bars, colour."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lorabuild.images.decode import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.float32]

SIDE, COLOURS = 32, 16  # of the tiles in brightness and in colour
LOW = 8  # frequencies of the hash, across and down
AREA = 1 << 19  # pixels in which blur is looked for: what is larger is scaled down, as it is for training
SMOOTH = 9  # pixels over which blur is tried
STEP = 16  # the largest step in brightness between two blocks of a JPEG; a larger one is an edge of what is shown
CALM = 2  # the largest steps beside it
MIDDLE = 768  # pixels a side in which blocks are looked for
SMALL = 128  # pixels of a side, below which no blocks are looked for
FEW = 0.02  # share of all pixels: where fewer are counted they say less
STRAY = 0.01  # share of a bar's row that may be otherwise
UNIFORM = 12  # how far a bar's pixels may be from its colour
MOST_OF_A_ROW = 512
ABRUPT = 0.6  # share of the first row behind a bar that isn't like it: a picture begins there, not its figure


@dataclass(frozen=True, slots=True)
class Look:
    """The measures of a picture.

    Attributes:
        area: its pixels.
        hash: of its lowest frequencies in brightness, 16 hexadecimal digits.
        tiles: base64 of uint8: mean brightness of 32 × 32 areas, then Cb and Cr of 16 × 16 each.
        blur: 0 for sharp to 1 for blurred.
        blocks: height of the steps between blocks of 8 pixels, in grey levels.
        bars: share of its area that is bars above and below it, or on both sides.
        colour: the largest distance from grey of nearly all areas, 0 to 128.
        clear: share of its pixels that are transparent, somewhat or wholly.
    """

    area: int
    hash: str
    tiles: str
    blur: float
    blocks: float
    bars: float
    colour: float
    clear: float


def look(data: bytes) -> Look:
    """The measures of the picture in a file's bytes, which lies on white. Raises ``UnreadableError``."""
    image, clear = decode(data).image, 0.0
    if image.mode == "RGBA":
        clear = float(np.mean(np.asarray(image.getchannel("A")) < 255))
        image = Image.alpha_composite(Image.new("RGBA", image.size, "#ffffff"), image)
    image = image if image.mode == "RGB" else image.convert("RGB")
    grey, cells = image.convert("L"), tiles(image)
    return Look(
        image.width * image.height,
        hashed(cells[: SIDE * SIDE].reshape(SIDE, SIDE)),
        b64encode(cells.tobytes()).decode(),
        round(blur(_within(grey)), 4),
        round(blocks(np.asarray(_middle(grey), np.int16)), 4),
        round(bars(np.asarray(image)), 4),
        float(np.percentile(np.abs(cells[SIDE * SIDE :].astype(np.int16) - 128), 98)),
        round(clear, 4),
    )


def tiles(image: Image.Image) -> NDArray[np.uint8]:
    """Means of areas of an RGB picture, uint8 [1536]: brightness 32 × 32, then Cb and Cr 16 × 16."""
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None).convert("YCbCr")
    planes = [np.asarray(plane) for plane in small.split()]
    half = [plane.reshape(COLOURS, 2, COLOURS, 2).mean((1, 3)).round().astype(np.uint8) for plane in planes[1:]]
    return np.concatenate([planes[0].ravel(), *(plane.ravel() for plane in half)])


def hashed(small: NDArray[np.uint8]) -> str:
    """Which of the lowest frequencies of a cosine transform are above their median (pHash, hackerfactor.com 2011)."""
    place = np.arange(SIDE)
    waves = np.cos(np.pi * np.outer(np.arange(LOW), 2 * place + 1) / (2 * SIDE))
    low = (waves @ small.astype(np.float64) @ waves.T).ravel().round(6)
    return np.packbits(low > np.median(low)).tobytes().hex()


def _middle(grey: Image.Image) -> Image.Image:
    """The middle of a picture, of ``MIDDLE`` pixels a side at most."""
    left, top = (max(0, side - MIDDLE) // 2 for side in grey.size)
    return grey.crop((left, top, grey.width - left, grey.height - top))


def _within(grey: Image.Image) -> Grey:
    """A greyscale picture in float32, of ``AREA`` pixels at most."""
    scale = (AREA / (grey.width * grey.height)) ** 0.5
    if scale < 1:
        size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
        grey = grey.resize(size, Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def blur(grey: Grey) -> float:
    """How little a picture changes when it is blurred: 0 sharp … 1 (Crété-Roffet and others, SPIE 6492, 2007).

    Of across and down the worse; 0 where nothing is to be seen.
    """
    found = []
    for turned in (grey, grey.T):
        if turned.shape[1] <= SMOOTH:
            continue
        sums = np.cumsum(
            np.pad(turned, ((0, 0), (SMOOTH // 2 + 1, SMOOTH // 2)), mode="edge"), axis=1, dtype=np.float64
        )
        smooth = ((sums[:, SMOOTH:] - sums[:, :-SMOOTH]) / SMOOTH).astype(np.float32)
        before, after = (np.abs(np.diff(one, axis=1)) for one in (turned, smooth))
        whole = float(before.sum(dtype=np.float64))
        lost = float(np.maximum(before - after, 0).sum(dtype=np.float64))
        found.append(1 - lost / whole if whole > turned.size / 100 else 0.0)
    return max(found, default=0.0)


def blocks(grey: NDArray[np.int16]) -> float:
    """How much higher the steps are at every eighth pixel than elsewhere, in grey levels; of across and down the less.

    Only steps in calm surroundings count, for edges of what is shown stand anywhere, and none where all is flat.
    """
    found = []
    for turned in (grey, grey.T):
        steps = np.abs(np.diff(turned, axis=1))
        if min(turned.shape) < SMALL:
            return 0.0
        before, here, after = steps[:, :-2], steps[:, 1:-1], steps[:, 2:]
        around = np.maximum(before, after)
        counted = (around <= CALM) & (here <= STEP) & (around + here > 0)
        rises = np.where(counted, np.maximum(2 * here - before - after, 0), 0).sum(axis=0, dtype=np.int64) / 2
        number = counted.sum(axis=0) + FEW * turned.shape[0]
        means = sorted(float(rises[start::8].sum() / number[start::8].sum()) for start in range(8))
        found.append(means[-1] - (means[3] + means[4]) / 2)
    return min(found)


def bars(pixels: NDArray[np.uint8]) -> float:
    """The share of a picture [H, W, 3] that is bars of one colour, on two opposite sides, that end abruptly."""
    return max(_bars(pixels), _bars(pixels.swapaxes(0, 1)))


def _bars(pixels: NDArray[np.uint8]) -> float:
    """Of the rows above and below; of long rows some pixels are looked at."""
    height, some = len(pixels), pixels[:, :: -(-pixels.shape[1] // MOST_OF_A_ROW)]
    colour = np.median(some[0], axis=0).astype(np.uint8)
    if _unlike(some[:: max(1, height - 1)], colour).max() > STRAY:
        return 0.0
    apart = _unlike(some, colour)
    rows = np.flatnonzero(apart > STRAY)
    if not len(rows) or min(apart[min(rows[0] + 1, height - 1)], apart[max(rows[-1] - 1, 0)]) < ABRUPT:
        return 0.0
    return float(1 - (rows[-1] - rows[0] + 1) / height)


def _unlike(rows: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The share of each row [H, W, 3] that isn't like a colour."""
    distance = np.maximum(rows, colour) - np.minimum(rows, colour)
    return np.asarray((distance > UNIFORM).any(axis=2).mean(axis=1), np.float64)
