import io

import numpy as np
from PIL import Image

from lorabuild.evaluate import picture


def gradient(width, height):
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    return pixels


def test_png_holds_the_pixels_and_no_clock():
    pixels = gradient(7, 5)
    data = picture.png(pixels)
    assert np.array_equal(np.asarray(picture.decode(data)), pixels)
    assert data == picture.png(pixels)
    assert not [name for name in (b"tIME", b"tEXt", b"zTXt", b"iTXt") if name in data]


def test_enlarge_takes_whole_steps_and_keeps_every_pixel():
    image = Image.fromarray(gradient(10, 6))
    large = picture.enlarge(image, 64)
    assert large.size == (70, 42)
    assert np.array_equal(np.asarray(large)[3::7, 3::7], np.asarray(image))
    assert picture.enlarge(large, 64) is large


def test_shrink_keeps_the_shape_and_never_reaches_zero():
    assert picture.shrink(Image.new("RGB", (1000, 500)), 200).size == (200, 100)
    assert picture.shrink(Image.new("RGB", (4000, 3)), 200).size == (200, 1)
    small = Image.new("RGB", (20, 10))
    assert picture.shrink(small, 200) is small


def test_preview_of_a_tiny_picture_is_large_enough_to_look_at():
    assert picture.decode(picture.preview(picture.png(gradient(64, 48)))).size == (512, 384)
    assert picture.decode(picture.preview(picture.png(gradient(768, 512)))).size == (768, 512)


def test_thumbnail_of_a_small_picture_is_lossless():
    pixels = gradient(64, 48)
    small = picture.thumbnail(Image.fromarray(pixels), 320)
    assert (small.media, small.width, small.height) == ("image/webp", 64, 48)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(small.data)).convert("RGB")), pixels)


def test_thumbnail_of_a_large_picture_is_small():
    small = picture.thumbnail(Image.effect_noise((1600, 1200), 60).convert("RGB"), 320)
    assert (small.width, small.height) == (320, 240)
    assert len(small.data) < 60_000
