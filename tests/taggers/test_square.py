import numpy as np
import pytest
from PIL import Image

from lorabuild.taggers.square import padded, squared


def test_white_is_added_around_with_the_smaller_half_first():
    square = np.asarray(padded(Image.new("RGB", (2, 5), (0, 0, 0))))
    assert square.shape == (5, 5, 3)
    assert (square[:, 0] == 255).all()
    assert (square[:, 1:3] == 0).all()
    assert (square[:, 3:] == 255).all()


def test_blue_comes_first_and_nothing_is_scaled():
    pixels = squared(Image.new("RGB", (4, 4), (10, 20, 30)), 4)
    assert pixels.dtype == np.float32
    assert pixels.shape == (4, 4, 3)
    assert (pixels == [30, 20, 10]).all()


def test_shrinking_averages_areas():
    image = Image.fromarray(np.array([[0, 100, 200, 200], [0, 100, 200, 200]] * 2, np.uint8)).convert("RGB")
    assert squared(image, 2)[0, :, 0].tolist() == [50, 200]


@pytest.mark.parametrize("size", [(3, 7), (7, 3), (40, 40), (1, 1)])
def test_any_size_becomes_the_models(size):
    assert squared(Image.new("RGB", size, (255, 255, 255)), 16).tolist() == np.full((16, 16, 3), 255.0).tolist()


def test_a_long_strip_needs_little_memory():
    pixels = squared(Image.new("RGB", (60_000, 1), (0, 0, 0)), 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.min() < 255
