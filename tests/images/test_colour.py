import numpy as np
import pytest
from pictures import difference, picture, srgb_profile, swapped_profile
from PIL import Image, ImageCms

from lorabuild.images.colour import ModeError, srgb


def with_profile(image, profile):
    image.info["icc_profile"] = profile
    return image


def test_plain_rgb_stays_as_it_is():
    assert np.array_equal(np.asarray(srgb(picture())), np.asarray(picture()))


def test_a_profile_that_means_srgb_changes_nothing():
    made = srgb(with_profile(picture(), srgb_profile()))
    assert np.array_equal(np.asarray(made), np.asarray(picture()))


def test_alpha_is_not_touched_by_the_profile():
    image = picture().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    made = srgb(with_profile(image, swapped_profile()))
    assert made.mode == "RGBA"
    assert np.array_equal(np.asarray(made.getchannel("A")), np.asarray(image.getchannel("A")))
    assert difference(made, image) > 10


def test_a_palette_is_resolved_before_the_profile():
    image = picture().quantize(32)
    made = srgb(with_profile(image.copy(), swapped_profile()))
    assert difference(made, srgb(with_profile(image.convert("RGB"), swapped_profile()))) == 0


def test_a_grey_picture_with_a_colour_profile_stays_grey():
    made = np.asarray(srgb(with_profile(picture().convert("L"), swapped_profile()))).astype(int)
    assert np.abs(made[..., 0] - made[..., 1]).max() <= 12


def test_a_profile_for_other_colours_is_left_out():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert difference(srgb(with_profile(picture(), lab)), picture()) == 0
    assert difference(srgb(with_profile(picture().convert("CMYK"), srgb_profile())), picture()) < 2


def test_premultiplied_transparency():
    image = picture().convert("RGBA").convert("RGBa")
    assert difference(srgb(image), picture()) < 1
    grey = picture().convert("LA").convert("La")
    assert difference(srgb(grey), picture().convert("L")) < 1


@pytest.mark.parametrize("mode", ["I", "F"])
def test_unknown_ranges_are_refused(mode):
    with pytest.raises(ModeError, match="32-bit"):
        srgb(Image.new(mode, (2, 2)))


def test_the_source_is_not_altered():
    image = with_profile(picture(), swapped_profile())
    before = image.tobytes()
    srgb(image)
    assert image.tobytes() == before
