"""What a picture looks like, in a few numbers: a hash and small tiles to compare it by, blur, artefacts, bars, colour."""

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
AREA = 1 << 20  # pixels in which blur is looked for: what is larger is scaled down, as it is for training
SMOOTH = 9  # pixels over which blur is tried
STEP = 16  # the largest step in brightness between two blocks of a JPEG; a larger one is an edge of what is shown
UNIFORM = 12  # how far a bar's pixels may be from its colour
ABRUPT = 0.6  # share of the first row behind a bar that isn't like it: a picture begins there, not its figure


@dataclass(frozen=True, slots=True)
class Look:
    """The measures of a picture.

    Attributes:
        hash: of its lowest frequencies in brightness, 16 hexadecimal digits.
        tiles: base64 of uint8: mean brightness of 32 × 32 areas, then Cb and Cr of 16 × 16 each.
        blur: 0 for sharp to 1 for blurred.
        blocks: height of the steps between blocks of 8 pixels, in grey levels.
        bars: share of its area that is bars above and below it, or on both sides.
        colour: the largest distance from grey of nearly all areas, 0 to 128.
        clear: share of its pixels that are transparent, somewhat or wholly.
    """

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
        hashed(cells[: SIDE * SIDE].reshape(SIDE, SIDE)),
        b64encode(cells.tobytes()).decode(),
        round(blur(_within(grey)), 4),
        round(blocks(np.asarray(grey, np.int16)), 4),
        round(bars(np.asarray(grey)), 4),
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
        sums = np.cumsum(np.pad(turned, ((0, 0), (SMOOTH // 2 + 1, SMOOTH // 2)), mode="edge"), axis=1, dtype=np.float64)
        smooth = ((sums[:, SMOOTH:] - sums[:, :-SMOOTH]) / SMOOTH).astype(np.float32)
        before, after = (np.abs(np.diff(one, axis=1)) for one in (turned, smooth))
        whole = float(before.sum(dtype=np.float64))
        lost = float(np.maximum(before - after, 0).sum(dtype=np.float64))
        found.append(1 - lost / whole if whole > turned.size / 100 else 0.0)
    return max(found, default=0.0)


def blocks(grey: NDArray[np.int16]) -> float:
    """How much higher the steps are at every eighth pixel than elsewhere, in grey levels; of across and down the less.

    Only small steps in smooth surroundings count: edges of what is shown stand anywhere.
    """
    found = []
    for turned in (grey, grey.T):
        steps = np.abs(np.diff(turned, axis=1))
        if steps.shape[1] < 4 * 8:
            return 0.0
        rises = 2 * steps[:, 1:-1] - steps[:, :-2] - steps[:, 2:]
        rises[(steps[:, 1:-1] > STEP) | (rises < 0)] = 0
        columns = rises.mean(axis=0, dtype=np.float64) / 2
        means = sorted(float(columns[start::8].mean()) for start in range(8))
        found.append(means[-1] - (means[3] + means[4]) / 2)
    return min(found)


def bars(grey: NDArray[np.uint8]) -> float:
    """The share of a picture that is bars of one brightness, on two opposite sides, that end abruptly."""
    return max(_bars(grey), _bars(grey.T))


def _bars(grey: NDArray[np.uint8]) -> float:
    """Of the rows above and below."""
    height = grey.shape[0]
    colour = int(np.median(grey[0]))
    alike = (np.abs(grey[:: max(1, height - 1)].astype(np.int16) - colour) <= UNIFORM).mean(axis=1)
    if alike.min() < 1:
        return 0.0
    apart = (np.abs(grey.astype(np.int16) - colour) > UNIFORM).mean(axis=1)
    rows = np.flatnonzero(apart > 0.01)
    if not len(rows) or min(apart[min(rows[0] + 1, height - 1)], apart[max(rows[-1] - 1, 0)]) < ABRUPT:
        return 0.0
    return float(1 - (rows[-1] - rows[0] + 1) / height)
