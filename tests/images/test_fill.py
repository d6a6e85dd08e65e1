import numpy as np
from PIL import Image, ImageDraw

from lorabuild.images.fill import filled


def hole(size, *box):
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def slope(width=96, height=80):
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([across * 2, down * 3, 128 + 0 * across], -1).astype(np.uint8))


def test_a_plain_colour_comes_back_exactly():
    image = Image.new("RGB", (80, 60), "#4080c0")
    marked = image.copy()
    ImageDraw.Draw(marked).text((20, 20), "HELLO", fill="black")
    assert filled(marked, hole(image.size, 15, 15, 60, 40)).tobytes() == image.tobytes()


def test_a_slope_is_carried_on():
    image = slope()
    marked = image.copy()
    marked.paste("#000000", (30, 30, 61, 51))
    found = filled(marked, hole(image.size, 30, 30, 60, 50))
    apart = np.abs(np.asarray(found).astype(int) - np.asarray(image))
    assert apart.max() <= 24
    assert apart[30:51, 30:61].mean() < 6


def test_soft_edges_and_outlines_beside_the_part_give_no_colour():
    image = Image.new("RGB", (80, 60), "#a06040")
    ImageDraw.Draw(image).line((0, 19, 79, 19), fill="#181818", width=2)  # along the upper edge of the part
    image.putpixel((40, 41), (24, 24, 24))  # a tip that the mask has missed
    found = np.asarray(filled(image, hole(image.size, 15, 21, 60, 40))).astype(int)
    assert np.abs(found[21:41, 15:61] - (160, 96, 64)).max() <= 2
    assert tuple(found[41, 40]) == (24, 24, 24)


def test_where_all_is_near_the_part_the_nearest_give_their_colour():
    image = Image.new("RGB", (8, 8), "#a06040")
    assert filled(image, hole(image.size, 1, 1, 6, 6)).tobytes() == image.tobytes()


def test_what_is_not_marked_stays_as_it_is():
    image, mask = slope(), hole((96, 80), 0, 0, 20, 79)
    same = np.asarray(mask) == 0
    assert (np.asarray(filled(image, mask))[same] == np.asarray(image)[same]).all()


def test_nothing_or_everything_marked_changes_nothing():
    image = slope()
    assert filled(image, Image.new("L", image.size, 0)) is image
    assert filled(image, Image.new("L", image.size, 255)) is image
