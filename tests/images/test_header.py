import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import HEIGHT, SAVED, WIDTH, encoded, picture, turned
from PIL import Image

from lorabuild.images.header import size
from lorabuild.schema.suffixes import SUFFIXES


def written(folder, data):
    path = folder / "picture"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", SAVED)
def test_every_format_says_its_size(tmp_path, kind):
    assert size(written(tmp_path, encoded(picture(), kind))) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_picture(tmp_path, kind, orientation):
    assert size(written(tmp_path, turned(picture(), orientation, kind))) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_avif_is_right_or_unknown(tmp_path, orientation):
    assert size(written(tmp_path, turned(picture(), orientation, "avif"))) in ((WIDTH, HEIGHT), None)


def test_a_lossy_webp_with_exif(tmp_path):
    data = turned(picture().convert("RGBA"), 6, "webp")
    assert size(written(tmp_path, data)) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"<svg width='5' height='5'/>"]
)
def test_what_says_nothing_has_no_size(tmp_path, data):
    assert size(written(tmp_path, data)) is None


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_exif_without_an_orientation_turns_nothing(tmp_path, kind):
    exif = Image.Exif()
    exif[0x010E] = "a creature"
    assert size(written(tmp_path, encoded(picture(), kind, exif=exif))) == (WIDTH, HEIGHT)


def test_a_missing_file_has_no_size(tmp_path):
    assert size(tmp_path / "none.png") is None
    assert size(tmp_path) is None


@pytest.mark.parametrize(
    "exif", [b"", b"II", b"II*\0", b"II*\0\xff\xff\xff\x7f", b"XX*\0" + bytes(20), b"MM\0*" + bytes(8)]
)
def test_broken_exif_turns_nothing(tmp_path, exif):
    found = size(written(tmp_path, encoded(picture(), "png", exif=b"Exif\0\0" + exif)))
    assert found in ((WIDTH, HEIGHT), None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(sorted(SAVED)),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=5),
)
def test_damage_is_never_an_error(tmp_path, kind, cut, flips):
    data = bytearray(encoded(picture(), kind))
    for place, value in flips:
        data[place % len(data)] = value
    found = size(written(tmp_path, bytes(data[: int(cut * len(data))])))
    assert found is None or min(found) >= 1


def test_it_needs_no_pillow():
    code = (
        "import sys, lorabuild.images.header, lorabuild.schema.suffixes\n"
        "lorabuild.images.header.size(sys.argv[0])\n"
        "print([name for name in ('PIL', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_suffixes_are_lower_case_endings():
    assert {".png", ".jpg", ".webp", ".gif", ".avif", ".bmp", ".tiff"} <= SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)
