import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from shapes import drawing

from lorabuild.balance.findings import BARS, BLOCKS, BLUR, GREY
from lorabuild.images.decode import UnreadableError
from lorabuild.images.look import look


def looked(image, kind="PNG", **how):
    data = io.BytesIO()
    image.save(data, kind, **how)
    return look(data.getvalue())


@pytest.mark.parametrize("seed", [1, 2])
def test_blur(seed):
    sharp = drawing(seed)
    assert looked(sharp).blur < 0.5 < BLUR < looked(sharp.filter(ImageFilter.GaussianBlur(2))).blur


@pytest.mark.parametrize("seed", [1, 2])
def test_blocks_of_a_strong_compression(seed):
    plain = drawing(seed)
    found = [looked(plain, "JPEG", quality=quality).blocks for quality in (90, 75, 50, 20, 10)]
    assert found == sorted(found)
    assert max(looked(plain).blocks, found[1]) < BLOCKS < found[3]


def test_blocks_are_seen_in_a_copy_saved_without_loss():
    data = io.BytesIO()
    drawing(1).save(data, "JPEG", quality=10)
    assert looked(Image.open(data)).blocks > BLOCKS


def test_a_small_picture_has_no_blocks():
    assert looked(drawing(1, (96, 96)), "JPEG", quality=10).blocks == 0


@pytest.mark.parametrize("colour", ["black", "white", "#203040"])
@pytest.mark.parametrize("turned", [False, True])
def test_bars_above_and_below_or_beside(colour, turned):
    boxed = Image.new("RGB", (320, 320), colour)
    boxed.paste(drawing(1, (320, 240)), (0, 40))
    found = looked(boxed.transpose(Image.Transpose.ROTATE_90) if turned else boxed)
    assert found.bars == pytest.approx(0.25, abs=0.02)


def test_a_figure_on_one_colour_has_no_bars():
    figure = Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(figure).ellipse((100, 60, 220, 260), fill="red")
    assert looked(figure).bars == 0 < BARS


def test_colour_and_transparency():
    assert looked(drawing(1)).colour > 30
    assert looked(drawing(1).convert("L")).colour < GREY
    clear = drawing(1, (64, 64)).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 64, 16))
    assert looked(clear).clear == 0.25
    assert looked(drawing(1)).clear == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 2)])
def test_nothing_is_too_small_or_too_long(size):
    found = looked(Image.new("RGB", size, "red"))
    assert (found.area, found.blur, found.blocks, found.bars) == (size[0] * size[1], 0, 0, 0)


def test_the_same_pixels_have_the_same_look_whatever_the_file():
    plain = drawing(2, (80, 60))
    assert looked(plain) == looked(plain, "WEBP", lossless=True)


def test_noise_is_sharp():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert looked(Image.fromarray(noise)).blur < 0.2


def test_what_is_no_picture():
    with pytest.raises(UnreadableError):
        look(b"nothing")
