import io

import numpy as np
import pytest
from PIL import Image

from lorabuild.evaluate import picture
from lorabuild.evaluate.xyz import LONGEST, PIXELS, Labels, shown, xyz

RED, BLUE = (200, 30, 30), (30, 30, 200)
NONE = (frozenset(), frozenset(), frozenset())


def square(colour, width=64, height=64):
    return picture.png(np.full((height, width, 3), colour, np.uint8))


def labels(columns, rows=("",), pages=("",), bare=NONE):
    return Labels("tiny", columns, rows, pages, bare)


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def area(pixels, colour):
    return int((np.abs(pixels - np.array(colour)).sum(-1) < 12).sum())


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_columns_rows_and_pages_are_where_they_belong(kind):
    cells = [[[square(RED), square(BLUE)], [square(BLUE), square(BLUE)]]]
    pixels = opened(xyz(labels(["one", "two"], ["a", "b"], ["first"]), cells, kind))
    red = np.argwhere(np.abs(pixels - np.array(RED)).sum(-1) < 12)
    blue = np.argwhere(np.abs(pixels - np.array(BLUE)).sum(-1) < 12)
    assert len(red) == len(blue) / 3 == 192 * 192, "tiny pictures are enlarged by whole steps"
    assert red[:, 1].max() < blue[:, 1].max()
    assert red[:, 0].max() < blue[:, 0].max()


def test_the_same_input_gives_the_same_bytes_and_a_missing_cell_is_said():
    arguments = (labels(["a", "b"]), [[[square(RED), None]]], "PNG")
    assert xyz(*arguments) == xyz(*arguments)
    assert area(opened(xyz(*arguments)), RED) == 192 * 192


def test_rows_without_labels_take_no_room():
    cells = [[[square(RED)]]]
    bare, named = (opened(xyz(labels(["a"], [row]), cells, "PNG")).shape[1] for row in ("", "weight 0.5"))
    assert bare < named


def test_a_long_label_makes_it_higher_and_no_wider():
    short, long = (opened(xyz(labels(["a"], pages=[page]), [[[square(RED)]]], "PNG")) for page in ("p", "p, q, " * 30))
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0]


def test_what_is_without_the_lora_is_set_apart():
    plain, apart = (
        opened(xyz(labels(["a", "b"], bare=bare), [[[square(RED), square(BLUE)]]], "PNG"))
        for bare in (NONE, (frozenset([0]), frozenset(), frozenset()))
    )
    assert plain.shape == apart.shape
    assert (plain != apart).any()


def test_labels_grow_with_the_picture():
    def ink(columns):
        pixels = opened(xyz(labels(["x"] * columns), [[[square(RED, 256, 256)] * columns]], "PNG"))
        dark = np.argwhere((pixels.sum(-1) < 120) & (np.arange(pixels.shape[1]) < 256))
        return np.ptp(dark[:, 0])

    assert ink(16) > ink(2)


@pytest.mark.parametrize(("columns", "rows"), [(80, 2), (2, 80), (30, 30)])
def test_a_huge_grid_shrinks_its_cells_until_a_webp_can_hold_it(columns, rows, monkeypatch):
    monkeypatch.setattr("lorabuild.evaluate.xyz.LONGEST", 8000)  # a quarter, so that it is quick
    monkeypatch.setattr("lorabuild.evaluate.xyz.PIXELS", 5_000_000)
    cell = square(RED, 512, 512)
    data = xyz(labels(["x"] * columns, ["y"] * rows), [[[cell] * columns] * rows], "WEBP")
    with Image.open(io.BytesIO(data)) as image:
        assert max(image.size) <= 8000 <= LONGEST
        assert image.width * image.height <= 5_000_000 <= PIXELS


def test_a_grid_whose_cells_could_not_be_seen_is_refused():
    with pytest.raises(ValueError, match="too large for one picture"):
        xyz(labels(["x"] * 400), [[[square(RED)] * 400]], "PNG")


def test_on_a_page_tiny_pictures_are_exact_and_large_ones_smaller():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    tiny = shown(picture.png(noise), 768)
    assert (opened(tiny.data) == noise).all()
    large = shown(square(RED, 1024, 512), 256)
    assert (large.width, large.height, large.media) == (256, 128, "image/webp")
