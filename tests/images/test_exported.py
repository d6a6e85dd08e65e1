"""Pictures for other programs."""

import io

import pytest
from PIL import Image

from lorabuild.images.exported import UnreadableError, mask, picture
from lorabuild.schema.images import Images


def png(mode, colour, size=(16, 8)):
    written = io.BytesIO()
    Image.new(mode, size, colour).save(written, "PNG")
    return written.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data))


def test_transparency_is_flattened_or_the_mask():
    clear = png("RGBA", (200, 0, 0, 100))
    assert opened(picture(clear, Images(background="#000000"))).getpixel((0, 0)) == (78, 0, 0)
    assert opened(picture(clear, Images(background="#000000", masks="alpha"))).getpixel((0, 0)) == (78, 0, 0, 100)
    assert opened(picture(png("RGB", "red"), Images(masks="alpha"))).mode == "RGB"


def test_a_mask_beside_it_is_the_alpha():
    found = opened(picture(png("RGB", "red"), Images(masks="side"), png("L", 77, (32, 16)), "a.mask.png"))
    assert (found.mode, found.size, found.getpixel((0, 0))) == ("RGBA", (16, 8), (255, 0, 0, 77))


def test_masks_have_their_pictures_size():
    assert opened(mask(png("RGB", "red"), Images(), None)).getextrema() == (255, 255)
    found = opened(mask(png("RGB", "red"), Images(), png("L", 77, (32, 16)), "m"))
    assert (found.size, found.getextrema()) == ((16, 8), (77, 77))


def test_what_is_no_picture_is_said():
    with pytest.raises(UnreadableError):
        picture(b"text", Images())
    with pytest.raises(UnreadableError, match=r"a\.mask\.png"):
        picture(png("RGB", "red"), Images(), png("L", 1, (8, 16)), "a.mask.png")
