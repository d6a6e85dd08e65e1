import numpy as np
import pytest
from PIL import ImageFont

from lorabuild.evaluate import grid, picture

RED, BLUE = (200, 30, 30), (30, 30, 200)


def square(colour, width=64, height=64):
    return picture.png(np.full((height, width, 3), colour, np.uint8))


def opened(data):
    return np.asarray(picture.decode(data)).astype(int)


def area(pixels, colour):
    return int((np.abs(pixels - np.array(colour)).sum(-1) == 0).sum())


def test_tiny_pictures_are_enlarged_so_that_labels_fit():
    pixels = opened(grid.grid(["zorbl"], ["without LoRA", "epoch 1"], [[square(RED), square(BLUE)]]))
    assert area(pixels, RED) == area(pixels, BLUE) == 192 * 192
    assert np.argwhere((pixels == RED).all(-1))[:, 1].max() < np.argwhere((pixels == BLUE).all(-1))[:, 1].min()


def test_large_pictures_are_reduced():
    assert opened(grid.grid(["p"], ["a"], [[square(RED, 1024, 512)]])).shape[1] < 600


def test_same_input_same_bytes():
    arguments = (["zorbl", ""], ["without LoRA", "epoch 1"], [[square(RED), None], [square(BLUE), square(RED)]])
    assert grid.grid(*arguments) == grid.grid(*arguments)


def test_a_long_prompt_makes_the_grid_higher_and_no_wider():
    prompts = ("zorbl", "zorbl, night, grass, " * 6)
    short, long = (opened(grid.grid([prompt], ["a"], [[square(RED)]])) for prompt in prompts)
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0]
    assert area(long, RED) == area(short, RED)


def test_every_column_has_its_label():
    ink = (np.array([28, 27, 25]) - opened(grid.grid(["p"], ["one", "two"], [[square(RED), square(BLUE)]]))) == 0
    head = ink.all(-1)[:30]
    assert head[:, : head.shape[1] // 2].any()
    assert head[:, head.shape[1] // 2 :].any()


@pytest.mark.parametrize("text", ["", "zorbl", "a b c d e f g h i", "one_very_long_word_without_a_space", "ab " * 40])
def test_wrapped_lines_are_narrow_and_lose_nothing(text):
    font = ImageFont.load_default(16)
    lines = grid.wrap(text, font, 120)
    assert all(font.getlength(line) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_grid_without_pictures_is_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        grid.grid(["p"], ["a"], [[None]])
