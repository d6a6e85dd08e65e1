import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import picture
from PIL import Image

from lorabuild.balance.buckets import resized
from lorabuild.images import fit as fit_module
from lorabuild.images.fit import fit

SHRUNK = [((48, 32), (24, 16)), ((47, 33), (17, 12)), ((30, 30), (20, 7)), ((29, 61), (23, 5))]

side = st.integers(1, 90)
bucket = st.tuples(st.integers(1, 40), st.integers(1, 40))


def exact_area(pixels, scaled):
    """Area means by brute force: every pixel repeated until the stretches are whole, then plain means."""
    height, width, _ = pixels.shape
    large = pixels.repeat(scaled[1], 0).repeat(scaled[0], 1).astype(float)
    return large.reshape(scaled[1], height, scaled[0], width, 3).mean((1, 3))


@settings(deadline=None)
@given(side, side, bucket, st.integers(0, 2**32 - 1))
def test_any_picture_fills_any_bucket(width, height, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    made = fit(Image.fromarray(pixels), size)
    assert made.shape == (size[1], size[0], 3)
    assert made.dtype == np.uint8


@pytest.mark.parametrize(("size", "wanted"), SHRUNK)
def test_shrinking_takes_exact_area_means_and_crops_the_middle(size, wanted):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    scaled = resized(*size, wanted)
    left, top = (scaled[0] - wanted[0]) // 2, (scaled[1] - wanted[1]) // 2
    expected = exact_area(pixels, scaled)[top : top + wanted[1], left : left + wanted[0]]
    assert np.abs(fit(Image.fromarray(pixels), wanted) - expected).max() <= 0.5 + 1e-3


def test_a_picture_of_its_buckets_size_is_untouched():
    assert np.array_equal(fit(picture(), picture().size), np.asarray(picture()))


def test_cropping_alone_takes_the_middle():
    made = fit(picture(48, 32), (32, 32))
    assert np.array_equal(made, np.asarray(picture(48, 32))[:, 8:40])
    odd = fit(picture(35, 32), (32, 32))
    assert np.array_equal(odd, np.asarray(picture(35, 32))[:, 1:33])


def test_enlarging_is_lanczos_of_the_whole_cropped():
    image, wanted = picture(20, 31), (64, 64)
    scaled = resized(*image.size, wanted)
    whole = np.asarray(image.resize(scaled, Image.Resampling.LANCZOS)).astype(int)
    top = (scaled[1] - wanted[1]) // 2
    assert np.abs(fit(image, wanted) - whole[top : top + 64]).max() <= 2


def test_a_very_long_picture_needs_little_memory():
    assert fit(Image.new("RGB", (1, 60000), "red"), (256, 1024)).shape == (1024, 256, 3)
    assert fit(Image.new("RGB", (60000, 1), "red"), (1024, 256)).shape == (256, 1024, 3)


def test_flat_colour_stays_flat():
    image = Image.new("RGB", (123, 77), (3, 128, 251))
    for wanted in ((64, 64), (200, 200)):
        assert (fit(image, wanted).reshape(-1, 3) == (3, 128, 251)).all()


def test_it_is_the_same_every_time():
    first = fit(picture(333, 222), (64, 96))
    assert all(np.array_equal(fit(picture(333, 222), (64, 96)), first) for _ in range(3))


@given(side, side, bucket, st.integers(0, 2**32 - 1), st.sampled_from(["RGB", "L"]))
def test_a_large_picture_is_read_row_by_row_to_the_same_bytes(width, height, size, seed, mode):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_module, "LARGE", 0)
        by_rows = fit(image, size)
    assert np.array_equal(by_rows, fit(image, size))


def test_a_picture_of_its_buckets_size_stays_as_it_is():
    image = picture(40, 32)
    assert np.array_equal(fit(image, (40, 32)), np.asarray(image))
    assert np.array_equal(fit(image, (24, 32)), np.asarray(image)[:, 8:32])
