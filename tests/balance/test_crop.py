import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.crop import crop, told

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "crops.json").read_text("utf-8"))["rows"]


def test_crops_are_those_of_the_standard_trainer():
    assert len(KNOWN) > 200
    for width, height, bucket_width, bucket_height, left, top in KNOWN:
        assert crop((width, height), (bucket_width, bucket_height)) == (left, top)


def test_heights_come_before_widths():
    assert told((1920, 1080), (1344, 768)) == (1080, 1920, 6, 0, 768, 1344)


@given(st.integers(1, 4096), st.integers(1, 64))
def test_a_picture_in_the_bucket_s_own_shape_has_no_bars(side, times):
    assert crop((side, side), (64 * times, 64 * times)) == (0, 0)


@pytest.mark.parametrize("original", [(10, 1000), (1000, 10), (777, 333)])
def test_one_side_has_none(original):
    left, top = crop(original, (512, 512))
    assert min(left, top) == 0 <= max(left, top) < 256
