import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.buckets import bucket_of, predefined, resized, sizes_for, tally, upscaled
from lorabuild.core.errors import ProjectError

REFERENCE = json.loads((Path(__file__).parents[1] / "data/standard_trainer/buckets.json").read_text("utf-8"))
SETTINGS = REFERENCE["settings"]
SD15 = sizes_for(512, 8)

side = st.integers(1, 20000)


def limits(setting):
    return {"step": setting["step"], "smallest": setting["min"], "largest": setting["max"]}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s['resolution']}-{s['min']}-{s['max']}-{s['step']}")
def test_list_and_choice_are_those_of_the_standard_trainer(setting):
    sizes = sizes_for(setting["resolution"], 8, **limits(setting))
    assert [list(size) for size in sizes] == setting["predefined"]
    for width, height, *expected in setting["pictures"]:
        bucket = bucket_of(width, height, sizes)
        assert [*bucket, *resized(width, height, bucket)] == expected, (width, height)


def test_counts_that_were_measured():
    counted = [(512, 256, 1024, 64), (768, 256, 1024, 64), (1024, 256, 2048, 64), (1024, 512, 2048, 64)]
    counted += [(1024, 256, 2048, 32), (1024, 512, 2048, 32), (1024, 256, 1024, 64)]
    found = [len(predefined(res, step, low, high)) for res, low, high, step in counted]
    assert found == [17, 19, 41, 33, 81, 65, 25]


def test_full_hd_goes_to_640_by_384():
    assert bucket_of(1920, 1080, SD15) == (640, 384)


def test_defaults_follow_the_resolution_and_the_vae():
    assert sizes_for(512, 8, step=64, smallest=256, largest=1024) == SD15
    assert sizes_for(64, 4) == ((32, 96), (32, 128), (64, 64), (96, 32), (128, 32))


def test_limits_move_outwards_to_the_step():
    assert sizes_for(512, 8, smallest=300, largest=1000) == SD15


def test_a_smallest_side_below_the_step_makes_no_size_of_zero():
    assert min(min(size) for size in sizes_for(64, 8, smallest=8, largest=128)) == 64


def test_a_resolution_between_steps_keeps_its_square():
    assert (448, 448) in sizes_for(500, 8)


@pytest.mark.parametrize(("resolution", "limits"), [(32, {}), (512, {"smallest": 640}), (512, {"largest": 256})])
def test_limits_that_leave_no_size_are_named(resolution, limits):
    with pytest.raises(ProjectError) as error:
        sizes_for(resolution, 8, **limits)
    assert str(resolution) in error.value.what
    assert error.value.next_step


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_picture_without_pixels_has_no_bucket(size):
    with pytest.raises(ValueError, match="no aspect ratio"):
        bucket_of(*size, SD15)


def test_upscaled_looks_at_the_bucket_not_at_the_area():
    assert not upscaled(384, 640, (384, 640))
    assert upscaled(511, 600, (512, 512))
    assert upscaled(200, 4000, (256, 1024))


def test_tally_counts_every_picture_once():
    pictures = [(512, 512), (600, 600), (1920, 1080)]
    buckets = [bucket_of(*picture, SD15) for picture in pictures]
    assert tally(buckets) == ((512, 512, 2), (640, 384, 1))
    assert tally(reversed(buckets)) == tally(buckets) == tally(Counter(buckets))


@given(side, side)
def test_a_scaled_picture_covers_its_bucket_and_touches_it(width, height):
    bucket = bucket_of(width, height, SD15)
    scaled = resized(width, height, bucket)
    assert scaled[0] >= bucket[0]
    assert scaled[1] >= bucket[1]
    assert scaled[0] == bucket[0] or scaled[1] == bucket[1]


@given(st.integers(4, 40), st.sampled_from([8, 16, 32, 64]))
def test_every_size_is_whole_steps_within_the_area(steps, step):
    resolution = steps * step
    sizes = sizes_for(resolution, 8, step=step)
    assert list(sizes) == sorted(set(sizes))
    for width, height in sizes:
        assert width % step == height % step == 0
        assert 0 < width * height <= resolution**2
        assert (height, width) in sizes
