import numpy as np
import pytest
from PIL import Image

from lorabuild.images.fit import fit
from lorabuild.images.looked import Chances, looked, recoloured

VALUES = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
PICTURE = Image.fromarray(VALUES)


def test_nothing_random_is_the_usual_fit():
    seen = looked(PICTURE, None, (32, 32), Chances())
    assert np.array_equal(seen.pixels, fit(PICTURE, (32, 32)))
    assert (seen.mask, seen.corner) == (None, None)


@pytest.mark.parametrize(("chance", "left"), [(0.0, 0), (0.5, 8), (0.999, 16)])
def test_a_random_crop_stays_inside_and_reaches_both_edges(chance, left):
    seen = looked(PICTURE, None, (32, 32), Chances(corner=(chance, chance)))
    assert seen.corner == (left, 0)
    whole = fit(PICTURE, (48, 32))
    assert np.array_equal(seen.pixels, whole[:, left : left + 32])


def test_the_mask_is_cropped_with_its_picture():
    mask = Image.fromarray(VALUES[:, :, 0])
    seen = looked(Image.merge("RGB", [mask] * 3), mask, (32, 32), Chances(corner=(0.7, 0.2)))
    assert np.array_equal(seen.mask, seen.pixels[:, :, 0])


def test_the_middle_is_one_of_the_crops():
    at_middle = looked(PICTURE, None, (32, 32), Chances(corner=(0.5, 0.5)))
    assert np.array_equal(at_middle.pixels, fit(PICTURE, (32, 32)))


def test_two_thirds_keep_their_colours():
    assert recoloured(VALUES, 0.34, 0.1, 0.9) is VALUES


def test_hues_turn_a_little_and_greys_stay():
    red, grey = np.full((2, 2, 3), (200, 40, 40), np.uint8), np.full((2, 2, 3), 90, np.uint8)
    turned = recoloured(red, 0.1, 0.2, 1.0)
    assert turned[0, 0, 1] > 60
    assert turned[0, 0, 2] < 45
    assert np.array_equal(recoloured(grey, 0.1, 0.2, 1.0), grey)
    assert np.abs(recoloured(red, 0.1, 0.2, 0.5).astype(int) - red).max() <= 1


def test_gamma_leaves_black_and_white_alone():
    bent = recoloured(np.array([[[0, 128, 255]]], np.uint8), 0.1, 0.7, 0.0)
    assert (bent[0, 0, 0], bent[0, 0, 2]) == (0, 255)
    assert 128 < bent[0, 0, 1] < 134
