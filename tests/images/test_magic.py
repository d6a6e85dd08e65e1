import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import SAVED, encoded, picture

from lorabuild.images.magic import HEAD, READABLE, kind

NAMES = {"png": "PNG", "jpg": "JPEG", "webp": "WebP", "gif": "GIF", "avif": "AVIF", "bmp": "BMP", "tiff": "TIFF"}


@pytest.mark.parametrize("saved", SAVED)
def test_every_format_that_is_read_is_known_by_its_head(saved):
    assert kind(encoded(picture(), saved)[:HEAD]) == NAMES[saved]
    assert NAMES[saved] in READABLE


def test_animated_avif():
    assert kind(encoded(picture(), "avif", save_all=True, append_images=[picture()])[:HEAD]) == "AVIF"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "video"),
        (b"\0\0\0\x08ftyp", "video"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\xef\xbb\xbf\n <HTML>", "web page"),
        (b"<?xml version='1.0'?>", "SVG"),
        (b"MM\0+\0\x08", "TIFF"),
        (b"", None),
    ],
)
def test_other_heads(head, name):
    assert kind(head) == name


@given(st.binary(max_size=HEAD))
def test_it_never_fails(head):
    assert kind(head) is None or isinstance(kind(head), str)
