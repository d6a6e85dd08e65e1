import io
from base64 import b64encode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from shapes import drawing

from lorabuild.images import likeness
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


def blocks(number, noise):
    """Pictures of 4 × 4 areas, the last tenth of them once more, flatter and with noise; name → tiles."""
    chance = np.random.default_rng(noise)
    cells = chance.integers(0, 256, (number, 4, 4)).repeat(8, axis=1).repeat(8, axis=2).reshape(number, -1)
    cells = np.concatenate(
        [cells, 0.8 * cells[-number // 10 :] + 20 + chance.normal(0, noise, (number // 10, SIDE**2))]
    )
    tiles = np.full((len(cells), 1536), 128, np.uint8)
    tiles[:, : SIDE**2] = np.clip(cells.round(), 0, 255)
    return tiles


def test_pictures_of_a_few_blocks_are_told_apart_by_their_outlines(monkeypatch):
    tiles = blocks(400, noise=2)
    some = [
        Seen(f"{place:03}", 1, hashed(row[: SIDE**2].reshape(SIDE, SIDE)), b64encode(row.tobytes()).decode())
        for place, row in enumerate(tiles)
    ]
    looked, compared = [], likeness._compared
    monkeypatch.setattr(likeness, "_compared", lambda one, others: looked.append(len(others)) or compared(one, others))
    found = pairs(some)
    assert {(f"{place:03}", f"{place + 40:03}") for place in range(360, 400)} <= {pair[:2] for pair in found}
    fewer = sum(looked)
    monkeypatch.setattr(likeness, "_possible", lambda _mine, _edges, others, _theirs: np.ones(len(others), bool))
    assert pairs(some) == found
    assert fewer < (sum(looked) - fewer) / 10
