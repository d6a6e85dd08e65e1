import numpy as np
import pytest

from lorabuild.evaluate import norms, picture
from lorabuild.evaluate.apart import apart, smaller

BLOCKS = [
    {"block": "BASE", "layers": 12, "norm": 2.0},
    {"block": "IN01", "layers": 1, "norm": 4.0},
    {"block": "M00", "layers": 3, "norm": 0.0},
    {"block": "other", "layers": 3, "norm": 1.0},
]


def coloured(image, row):
    """How many pixels of a row's bar are neither paper nor track."""
    top = 2 * norms.EDGE + (row + 2) * norms.LINE
    line = np.asarray(image)[top + norms.LINE // 2, norms.EDGE + norms.NAME : norms.WIDTH - norms.EDGE - norms.FIGURES]
    return int(((line != line[-1]).any(1)).sum()) if row != 1 else len(line)


def test_bars_are_as_long_as_the_norms():
    data = norms.picture("a.safetensors", "LoCon", BLOCKS)
    image = picture.decode(data)
    wide = coloured(image, 1)
    assert coloured(image, 0) == pytest.approx(wide / 2, abs=2)
    assert coloured(image, 2) == 0
    assert coloured(image, 3) == pytest.approx(wide / 4, abs=2)
    assert data == norms.picture("a.safetensors", "LoCon", BLOCKS)


def test_a_file_without_blocks_is_a_picture_too():
    assert picture.decode(norms.picture("a", "norms", [])).width == norms.WIDTH
    assert norms.picture("a", "norms", [{"block": "IN01", "layers": 1, "norm": 0.0}])


def test_how_far_pictures_are_apart():
    black, white = (picture.png(np.full((8, 8, 3), value, np.uint8)) for value in (0, 255))
    grey = picture.png(np.full((8, 8, 3), 51, np.uint8))
    assert (apart(black, black), apart(black, white), apart(black, grey)) == (0, 1, pytest.approx(0.2))
    assert picture.decode(smaller(picture.png(np.zeros((64, 32, 3), np.uint8)), 16)).size == (8, 16)
