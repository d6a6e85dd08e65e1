import io
import struct
import threading
import zlib
from contextlib import suppress

import numpy as np
import pytest
from pictures import (
    HEIGHT,
    SAVED,
    WIDTH,
    difference,
    encoded,
    picture,
    srgb_profile,
    swapped_profile,
    turned,
    with_alpha,
)
from PIL import Image

from lorabuild.images import decode, room
from lorabuild.images.decode import UnreadableError, pixel_digest, prepare, prepared, probe
from lorabuild.schema.images import Images

PLAIN = Images()
LOSSLESS = ("png", "webp", "bmp", "tiff")
CLOSE = 6.0  # levels that a lossy format or a palette may change on average


def why(data):
    with pytest.raises(UnreadableError) as error:
        probe(data)
    return error.value.what


@pytest.mark.parametrize("kind", SAVED)
def test_every_format_is_read(kind):
    found = probe(encoded(picture(), kind))
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    assert found.format == {"jpg": "jpeg"}.get(kind, kind)
    assert difference(prepare(encoded(picture(), kind), PLAIN).image, picture()) < CLOSE


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(kind, orientation):
    data = turned(picture(), orientation, kind)
    found = prepare(data, PLAIN)
    assert found.image.size == (WIDTH, HEIGHT)
    assert difference(found.image, picture()) < CLOSE
    assert (probe(data).width, probe(data).height) == (WIDTH, HEIGHT)


def test_the_pixel_digest_is_over_size_and_upright_rgba():
    from blake3 import blake3

    expected = "b3:" + blake3(b"48x32 RGBA" + picture().convert("RGBA").tobytes()).hexdigest()
    assert {probe(encoded(picture(), kind)).pixels for kind in LOSSLESS} == {expected}
    assert {probe(turned(picture(), turn, "png")).pixels for turn in range(1, 9)} == {expected}
    assert prepare(encoded(picture()), PLAIN).pixels == "b3:" + blake3(b"48x32 RGB" + picture().tobytes()).hexdigest()


def test_the_pixel_digest_in_bands_is_that_of_the_whole(monkeypatch):
    whole = pixel_digest(picture(), "RGBA")
    monkeypatch.setattr(decode, "_BAND", 100)
    assert pixel_digest(picture(), "RGBA") == whole


def test_metadata_changes_no_digest():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("comment", "drawn on a Tuesday")
    plain = probe(encoded(picture()))
    assert probe(encoded(picture(), pnginfo=info)) == plain
    assert probe(encoded(picture(), compress_level=1)).pixels == plain.pixels
    assert probe(encoded(picture(), icc_profile=srgb_profile())).pixels == plain.pixels


def test_a_changed_pixel_changes_the_digest():
    image = picture()
    image.putpixel((3, 4), (0, 0, 0))
    assert probe(encoded(image)).pixels != probe(encoded(picture())).pixels


def test_transparency_counts_in_the_scan_and_is_flattened_in_the_training_picture():
    data = encoded(with_alpha())
    assert probe(data).pixels != probe(encoded(picture())).pixels
    made = prepare(data, Images(background="#ff0080"))
    assert made.alpha
    assert made.image.mode == "RGB"
    assert made.image.getpixel((0, 0)) == (255, 0, 128)
    assert made.image.getpixel((WIDTH - 1, 0)) == picture().getpixel((WIDTH - 1, 0))
    assert made.pixels != prepare(data, PLAIN).pixels


def test_an_opaque_alpha_channel_is_no_transparency():
    made = prepare(encoded(picture().convert("RGBA")), PLAIN)
    assert not made.alpha
    assert made.pixels == prepare(encoded(picture()), PLAIN).pixels


def test_half_transparent_pixels_mix_with_the_background():
    image = Image.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert prepare(encoded(image), PLAIN).image.getpixel((0, 0)) == (127, 127, 127)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb(mode):
    kind = "tiff" if mode in ("CMYK", "YCbCr", "LAB", "PA") else "png"
    made = prepare(encoded(picture().convert(mode), kind), PLAIN)
    assert made.image.mode == "RGB"
    grey = mode in ("1", "L", "LA")
    assert difference(made.image, picture().convert("L") if grey else picture()) < (130 if mode == "1" else 16)


def test_cmyk_jpeg():
    data = encoded(picture().convert("CMYK"), "jpg")
    assert probe(data).mode == "CMYK"
    assert difference(prepare(data, PLAIN).image, picture()) < CLOSE


def test_grey_with_16_bits_keeps_its_levels():
    levels = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    for kind in ("png", "tiff"):
        made = prepare(encoded(Image.fromarray(levels), kind), PLAIN)
        assert np.abs(np.asarray(made.image)[..., 0] - levels / 257).max() <= 0.5


def test_grey_with_16_bits_and_a_transparent_value():
    levels = np.full((4, 4), 30000, np.uint16)
    levels[0, 0] = 5
    made = prepare(encoded(Image.fromarray(levels), transparency=5), PLAIN)
    assert made.alpha
    assert made.image.getpixel((0, 0)) == (255, 255, 255)
    assert made.image.getpixel((1, 1)) == (117, 117, 117)


def _png(width, height, bits, colour, rows):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_colour_with_16_bits():
    pixel = struct.pack(">HHH", 65535, 32896, 257)
    made = prepare(_png(2, 2, 16, 2, (b"\0" + pixel * 2) * 2), PLAIN)
    assert made.image.getpixel((1, 1)) == (255, 128, 1)


def test_colour_with_16_bits_and_alpha():
    pixel = struct.pack(">HHHH", 0, 0, 0, 0)
    made = prepare(_png(1, 1, 16, 6, b"\0" + pixel), PLAIN)
    assert made.alpha
    assert made.image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_pixels_are_refused_with_a_reason(mode):
    assert "32-bit" in why(encoded(picture().convert("L").convert(mode), "tiff"))


def test_a_palette_with_a_transparent_colour():
    image = picture().quantize(16)
    for clear in (image.getpixel((0, 0)), bytes([0 if n == image.getpixel((0, 0)) else 255 for n in range(16)])):
        made = prepare(encoded(image, transparency=clear), PLAIN)
        assert made.alpha
        assert made.image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "avif"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    red, green, blue = prepare(data, PLAIN).image.getpixel((8, 8))
    assert (red > 200, green < 50, blue < 50) == (True, True, True)


def test_an_animated_gif_with_transparency():
    frames = [with_alpha(), Image.new("RGBA", (WIDTH, HEIGHT), "red")]
    made = prepare(encoded(frames[0], "gif", save_all=True, append_images=frames[1:]), PLAIN)
    assert made.alpha
    assert made.image.getpixel((0, 0)) == (255, 255, 255)


def test_a_file_with_the_wrong_ending_is_what_it_is(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(picture(), "jpg"))
    assert prepared(path, PLAIN).image.size == (WIDTH, HEIGHT)
    assert probe(path.read_bytes()).format == "jpeg"


@pytest.mark.parametrize("kind", SAVED)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_off_file_is_named(kind, share):
    data = encoded(picture(200, 150), kind)
    text = why(data[: int(len(data) * share)])
    assert "cut off" in text or "damaged" in text


def test_a_damaged_file_is_named():
    data = bytearray(encoded(picture(200, 150)))
    data[60:80] = bytes(20)
    assert why(bytes(data)).startswith("the PNG file is")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty (0 bytes)"),
        (b"hello, world", "not an image"),
        (b"\0" * 5000, "not an image"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
    ],
)
def test_what_is_no_picture_is_named(data, word):
    assert word in why(data)


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    rows = b"\0" * 10
    assert "million pixels" in why(_png(60000, 60000, 8, 2, rows))
    assert "million pixels" in why(_png(12000, 9000, 8, 0, rows))


def test_the_bound_holds_where_the_decoder_has_none(monkeypatch):
    monkeypatch.setattr(decode, "MOST_PIXELS", WIDTH * HEIGHT - 1)
    assert f"{WIDTH} x {HEIGHT}" in why(encoded(picture()))


def _exif(entry):
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0" + struct.pack("<I", 8) + b"\xff\xff" + bytes(40),
        _exif(struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0")),
        _exif(struct.pack("<HHII", 0x0112, 3, 1, 99)),
        b"Exif\0\0nonsense",
    ],
)
def test_broken_exif_loses_no_picture(exif):
    assert probe(encoded(picture(), "jpg", exif=exif)).width == WIDTH


def test_a_picture_waits_until_there_is_room(monkeypatch):
    monkeypatch.setattr(room, "FREE", 10)
    data, found = encoded(picture()), []
    with room.whole.held(room.MOST):
        thread = threading.Thread(target=lambda: found.append(probe(data)))
        thread.start()
        thread.join(0.2)
        assert not found
    thread.join(30)
    assert len(found) == 1


def test_profiles_are_obeyed():
    made = prepare(encoded(picture(), icc_profile=swapped_profile()), PLAIN).image
    red, green, blue = picture().split()
    assert difference(made, Image.merge("RGB", (green, red, blue))) < 2


@pytest.mark.parametrize("profile", [b"", b"no profile", srgb_profile()[:200], bytes(400)])
def test_a_broken_profile_is_ignored(profile):
    data = encoded(picture(), icc_profile=profile)
    assert prepare(data, PLAIN).pixels == prepare(encoded(picture()), PLAIN).pixels


def test_memory_running_out_is_not_the_pictures_fault(monkeypatch):
    def starve(_image):
        raise MemoryError

    monkeypatch.setattr(decode, "srgb", starve)
    with pytest.raises(MemoryError):
        probe(encoded(picture()))


def test_random_damage_never_escapes_as_another_error():
    rng = np.random.default_rng(7)
    for kind in SAVED:
        sound = encoded(picture(), kind)
        for _ in range(40):
            data = bytearray(sound)
            for place in rng.integers(0, len(data), 4):
                data[place] = rng.integers(0, 256)
            with suppress(UnreadableError):
                probe(bytes(data))


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        prepared(tmp_path / "none.png", PLAIN)


def test_mpo_counts_as_jpeg():
    sink = io.BytesIO()
    picture().save(sink, "MPO", save_all=True, append_images=[picture()])
    assert probe(sink.getvalue()).format == "jpeg"
