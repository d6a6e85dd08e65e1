import io
from base64 import b64encode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from shapes import drawing

from lorabuild.images.likeness import Seen, pairs
from lorabuild.images.look import SIDE, hashed, look


def seen(name, image, kind="PNG", **how):
    data = io.BytesIO()
    image.save(data, kind, **how)
    found = look(data.getvalue())
    return Seen(name, found.area, found.hash, found.tiles)


def cropped(image, share):
    across, down = image.width * share / 2, image.height * share / 2
    return image.crop((round(across), round(down), round(image.width - across), round(image.height - down)))


def winking(image, share):
    """The same picture with another mark on it, somewhere in the middle."""
    other = image.copy()
    left, top = image.width * 0.45, image.height * 0.4
    box = left, top, left + image.width * share, top + image.height * share / 2
    ImageDraw.Draw(other).ellipse(box, fill=(200, 40, 60))
    return other


AGAIN = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.05),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "cropped": lambda image: cropped(image, 0.02),
    "cropped more": lambda image: cropped(image, 0.05),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("how", AGAIN)
def test_the_same_picture_again(seed, how):
    image = drawing(seed)
    (pair,) = pairs([seen("b", AGAIN[how](image)), seen("a", image)])
    assert not pair.variant
    assert {pair.kept, pair.other} == {"a", "b"}


@pytest.mark.parametrize("quality", [30, 90])
def test_the_same_picture_compressed(quality):
    (pair,) = pairs([seen("a", drawing(1)), seen("b", drawing(1), "JPEG", quality=quality)])
    assert pair == ("a", "b", 0, False)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("share", [0.08, 0.15, 0.3])
def test_a_local_change_is_a_variant(seed, share):
    (pair,) = pairs([seen("a", drawing(seed)), seen("b", winking(drawing(seed), share))])
    assert pair.variant
    assert 0 < pair.share < 0.2


def test_a_change_of_colour_alone_is_a_variant():
    image = drawing(1)
    other = image.copy()
    grey = sum(image.getpixel((160, 120))) // 3
    for one, colour in ((image, (grey, grey, grey)), (other, (grey + 60, grey - 30, grey))):
        one.paste(colour, (140, 100, 180, 140))
    (pair,) = pairs([seen("a", image), seen("b", other)])
    assert pair.variant


def test_other_pictures_and_mirrored_ones_are_others():
    assert not pairs([seen(str(seed), drawing(seed)) for seed in range(12)])
    assert not pairs([seen("a", drawing(1)), seen("b", ImageOps.mirror(drawing(1)))])


def test_the_larger_is_kept_and_stands_for_all_that_are_like_it():
    image = drawing(1)
    small = [seen(f"s{width}", image.resize((width, width * 3 // 4))) for width in (100, 160, 240)]
    assert [(pair.kept, pair.other) for pair in pairs([*small, seen("z", image)])] == [
        ("z", "s240"),
        ("z", "s160"),
        ("z", "s100"),
    ]


def test_a_copy_of_a_variant_is_like_the_variant():
    image, other = drawing(1), winking(drawing(1), 0.2)
    again = other.resize((160, 120), Image.Resampling.LANCZOS)
    found = pairs([seen("a", image), seen("b", other), seen("c", again)])
    assert {(pair.kept, pair.other, pair.variant) for pair in found} == {("a", "b", True), ("b", "c", False)}


def test_no_pictures_and_one():
    assert pairs([]) == []
    assert pairs([seen("a", drawing(1))]) == []


@given(st.permutations(range(6)))
def test_the_order_doesnt_matter(order):
    tiles = np.random.default_rng(3).integers(0, 256, (6, 1536), np.uint8)
    tiles[4], tiles[5] = tiles[0], tiles[1]
    made = [
        Seen(str(place), 100 - place, hashed(row[: SIDE * SIDE].reshape(SIDE, SIDE)), b64encode(row.tobytes()).decode())
        for place, row in enumerate(tiles)
    ]
    assert pairs([made[place] for place in order]) == [("0", "4", 0, False), ("1", "5", 0, False)]
