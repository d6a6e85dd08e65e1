from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.buckets import NeverEnlarging, bucket_of, sizes_for
from lorabuild.balance.few import best, cropped, rows, share

SD15 = sizes_for(512, 8)
pictures = st.lists(st.tuples(st.integers(50, 4000), st.integers(50, 4000)), min_size=1, max_size=12)


def lost(found, sizes):
    return sum(cropped(one, bucket_of(*one, tuple(sorted(sizes)))) for one in found)


@given(pictures, st.integers(1, 3))
def test_no_other_choice_crops_less(found, few):
    chosen = best(found, SD15, few)
    assert len(chosen) <= few
    assert set(chosen) <= set(SD15)
    assert lost(found, chosen) == pytest.approx(min(lost(found, some) for some in combinations(SD15, few)))


@given(pictures)
def test_the_order_of_pictures_does_not_matter(found):
    assert best(found, SD15, 2) == best(found[::-1], SD15, 2)


def test_more_sizes_than_help_are_not_taken():
    assert best([(512, 512), (1024, 1024)], SD15, 5) == ((512, 512),)


def test_without_pictures_all_sizes_stay():
    assert best([], SD15, 3) == SD15


def test_the_table_counts_crops_and_enlargements():
    square, wide = rows([(512, 512), (540, 512), (100, 100), (1920, 1080)], SD15)
    assert (square.size, square.images, square.enlarged) == ((512, 512), 3, 1)
    assert square.cropped == pytest.approx((1 - 512 / 540) / 3, abs=1e-4)
    assert wide.size == (640, 384)
    assert share([square, wide]) == pytest.approx((3 * square.cropped + wide.cropped) / 4, abs=1e-4)
    assert share([]) == 0


SMALL = ((64, 64, 64, 64), (67, 75, 64, 64), (93, 130, 64, 128), (129, 295, 128, 256), (158, 259, 128, 256))


@pytest.mark.parametrize(("width", "height", "wide", "high"), SMALL)
def test_what_is_not_enlarged_gets_the_size_that_the_standard_trainer_gives_it(width, height, wide, high):
    assert bucket_of(width, height, NeverEnlarging(SD15)) == (wide, high)


def test_what_is_smaller_than_a_step_gets_one_where_the_standard_trainer_fails():
    assert bucket_of(19, 107, NeverEnlarging(SD15)) == (64, 64)
    assert bucket_of(8, 8, NeverEnlarging(SD15)) == (64, 64)
    assert bucket_of(8, 8, SD15) == (512, 512)


def test_what_fills_its_bucket_is_treated_as_ever():
    assert bucket_of(1920, 1080, NeverEnlarging(SD15)) == (640, 384)
