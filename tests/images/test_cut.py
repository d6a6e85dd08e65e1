from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from lorabuild.images.cut import framed, inside, padding, shaped, trimmed
from lorabuild.images.moves import moved, read, written

side = st.integers(1, 3000)


def bordered(colour="#ffffff", noise=0):
    image = Image.new("RGB", (120, 140), colour)
    draw = ImageDraw.Draw(image)
    if noise:
        for place in range(0, 120, 7):
            draw.point((place, place % 25), (255 - noise, 255, 255 - noise))
    draw.rectangle((20, 30, 99, 119), fill="#2840c8")
    draw.ellipse((40, 50, 80, 90), fill="#c8c800")
    return image


def test_borders_of_one_colour_go():
    assert trimmed(bordered(), 0.2) == (20, 30, 100, 120)
    assert trimmed(bordered("#000000"), 0.2) == (20, 30, 100, 120)


def test_the_tolerance_is_a_share_of_the_range():
    assert trimmed(bordered(noise=40), 0.2) == (20, 30, 100, 120)
    assert trimmed(bordered(noise=60), 0.2) != (20, 30, 100, 120)


def test_where_the_first_corner_shows_no_border_the_opposite_one_may():
    image = Image.new("RGB", (100, 100), "#ffffff")
    for across in range(60):
        for down in range(100):
            image.putpixel((across, down), (3 * across, 2 * down, 60))
    assert trimmed(image, 0.1) == (0, 0, 60, 100)


def test_what_has_no_border_stays():
    grey = Image.new("RGB", (90, 90), "#808080")
    assert trimmed(grey, 0.2) == (0, 0, 90, 90)
    slope = Image.linear_gradient("L").convert("RGB")
    assert trimmed(slope, 0.0) == (0, 1, 256, 256)
    small = Image.new("RGB", (90, 90), "#ffffff")
    small.paste("#000000", (40, 40, 50, 50))
    assert trimmed(small, 0.2) == (0, 0, 90, 90)


@given(side, side, st.integers(1, 9), st.integers(1, 9))
def test_an_aspect_ratio_is_cut_out_of_the_middle(width, height, across, down):
    left, top, right, bottom = shaped((width, height), across, down)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == width or bottom - top == height
    assert abs(left - (width - right)) <= 1


def test_known_shapes():
    assert shaped((1920, 1080), 1, 1) == (420, 0, 1500, 1080)
    assert shaped((1000, 1000), 3, 2) == (0, 167, 1000, 833)


def test_parts_of_a_person():
    person, size = (400, 100, 700, 1100), (1000, 1200)
    found = {frame: framed(size, person, frame) for frame in ("full_body", "cowboy", "upper_body", "portrait")}
    assert found["full_body"] == (360, 60, 740, 1140)
    heights = [found[frame][3] for frame in ("portrait", "upper_body", "cowboy", "full_body")]
    assert heights == [340, 520, 720, 1140]
    assert all(box[1] == 60 for box in found.values())
    assert found["portrait"][2] - found["portrait"][0] <= 1.15 * (340 - 60)


def test_only_who_stands_has_parts():
    assert framed((1000, 600), (100, 200, 900, 500), "cowboy") is None
    assert framed((1000, 600), (100, 200, 900, 500), "full_body")


def test_a_box_ends_with_the_picture():
    assert inside((100, 100), (-5, 50, 300, 300)) == (0, 50, 100, 100)
    assert inside((100, 100), (100, 0, 200, 50)) is None


@given(side, side, st.sampled_from([(1, 1), (640, 384), (256, 1024)]))
def test_borders_give_the_shape_and_lose_nothing(width, height, shape):
    left, top, right, bottom = padding((width, height), shape)
    assert min(left, top, right, bottom) >= 0
    assert max(abs(left - right), abs(top - bottom)) <= 1
    wide, high = left + width + right, top + height + bottom
    assert wide == width or high == height
    assert abs(wide * shape[1] - high * shape[0]) <= max(shape)


def test_moves_are_made_again_from_their_text():
    moves = (("cut", (20, 30, 100, 120)), ("pad", (0, 0, 10, 0)))
    assert read(written(moves)) == moves
    assert written(()) == ""
    assert read("") == ()
    image = moved(bordered(), moves, "#ff0000")
    assert image.size == (90, 90)
    assert image.getpixel((89, 0)) == (255, 0, 0)
    assert image.getpixel((0, 0)) == (40, 64, 200)
    assert moved(image, [("size", (45, 45))], "black").size == (45, 45)
