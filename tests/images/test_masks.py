import io

import numpy as np
import pytest
from PIL import Image

from lorabuild.images import masks
from lorabuild.images.decode import UnreadableError, prepare
from lorabuild.images.fit import fit
from lorabuild.schema.images import Images

PICTURE = Image.new("RGB", (40, 30), "red")


def data(image, kind="PNG"):
    held = io.BytesIO()
    image.save(held, kind)
    return held.getvalue()


def grey(values):
    return Image.fromarray(np.asarray(values, np.uint8))


def mask(image, picture=PICTURE):
    return masks.of_file(data(image), prepare(data(picture), Images()), "a.mask.png")


def half():
    values = np.zeros((30, 40), np.uint8)
    values[:, 20:] = 255
    return values


def test_a_side_mask_is_read_as_greyscale():
    found = mask(grey(half()))
    assert np.array_equal(np.asarray(found.image), half())
    assert found.flaw == ""
    coloured = mask(Image.merge("RGB", [grey(half())] * 3))
    assert coloured.pixels == found.pixels


def test_what_is_transparent_in_a_side_mask_is_not_learned():
    clear = Image.merge("RGBA", [*[Image.new("L", (40, 30), 255)] * 3, grey(half())])
    assert np.array_equal(np.asarray(mask(clear).image), half())


@pytest.mark.parametrize(("level", "flaw"), [(0, "black"), (128, "grey"), (255, "")])
def test_a_mask_that_is_alike_all_over_is_flagged_unless_it_is_white(level, flaw):
    assert mask(grey(np.full((30, 40), level))).flaw == flaw


def test_a_smaller_mask_of_the_same_shape_is_enlarged():
    assert mask(grey(half()).resize((20, 15))).image.size == PICTURE.size


def test_a_mask_of_another_shape_is_refused_by_name():
    with pytest.raises(UnreadableError, match=r"its mask a\.mask\.png .* 30 x 40 .* 40 x 30"):
        mask(grey(half()).rotate(90, expand=True))


def test_a_broken_mask_is_refused_by_name():
    with pytest.raises(UnreadableError, match=r"its mask a\.mask\.png can't be used: .*cut off"):
        masks.of_file(data(grey(half()))[:40], prepare(data(PICTURE), Images()), "a.mask.png")


def test_alpha_is_the_mask_before_it_is_flattened():
    clear = PICTURE.copy()
    clear.putalpha(grey(half()))
    made = prepare(data(clear), Images())
    found = masks.of_alpha(made)
    assert np.array_equal(np.asarray(found.image), half())
    assert made.alpha
    assert masks.of_alpha(prepare(data(PICTURE), Images())) is None


def test_equal_masks_have_equal_digests_whatever_their_files():
    assert (
        masks.of_file(data(grey(half()), "BMP"), prepare(data(PICTURE), Images()), "m").pixels
        == mask(grey(half())).pixels
    )


@pytest.mark.parametrize("bucket", [(32, 32), (64, 32), (64, 64), (32, 64)])
def test_it_is_scaled_and_cropped_as_its_picture(bucket):
    values = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)
    picture = fit(Image.merge("RGB", [grey(values)] * 3), bucket)
    assert np.array_equal(fit(grey(values), bucket), picture[:, :, 0])


def test_a_latent_s_share_is_the_mean_of_its_pixels():
    values = np.random.default_rng(1).integers(0, 256, (16, 24), dtype=np.uint8)
    found = masks.averaged(values, 8)
    assert (found.shape, found.dtype) == ((1, 2, 3), np.float32)
    assert found[0, 1, 2] == np.float32(values[8:, 16:].mean() / 255)
    assert masks.averaged(np.full((8, 8), 255, np.uint8), 8) == 1.0
