from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.balance.budget import plan
from lorabuild.balance.repeats import looks, unit, whole
from lorabuild.balance.request import Concept, Request, Some

WEIGHTS = st.integers(1, 80).map(lambda number: number / 20)


def some(pictures, weight=1.0, repeats=None, further=0):
    return Some(weight, repeats, ((512, 512, pictures),) if pictures else (), further)


parts = st.lists(st.builds(some, st.integers(0, 60), WEIGHTS, st.none() | st.integers(1, 9)), min_size=1, max_size=5)


def shared(share, *found):
    return whole(found, unit(found, Fraction(share)))


@pytest.mark.parametrize(
    ("share", "found", "repeats"),
    [
        (100, [some(20)], (5,)),
        (99, [some(20)], (4,)),
        (100, [some(10), some(10, 0.25)], (8, 2)),
        (300, [some(90), some(10, 0.1)], (3, 1)),
        (100, [some(10), some(10, repeats=3)], (7, 3)),
        (10, [some(10), some(10, repeats=3)], (1, 3)),
        (25, [some(10), some(10, 0.1)], (1, 1)),
        (24, [some(10), some(2, 2)], (1, 3)),
        (10, [some(0), some(5, 0.5)], (4, 2)),
        (5, [some(0)], (1,)),
    ],
)
def test_known_shares(share, found, repeats):
    assert shared(share, *found) == repeats


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(0, 5000))
def test_images_that_are_shown_alike_share_evenly(images, share):
    assert shared(share, some(images)) == (max(1, share // images),)


@settings(max_examples=50)
@given(parts, st.integers(0, 5000))
def test_a_share_is_kept_to_unless_everything_is_shown_once(found, share):
    times = shared(share, *found)
    free = [count for part, count in zip(found, times, strict=True) if part.pictures and not part.repeats]
    assert min(times) >= 1
    assert all(count == part.repeats for part, count in zip(found, times, strict=True) if part.repeats)
    assert looks(found, unit(found, Fraction(share))) <= share or all(count == 1 for count in free)


@settings(max_examples=50)
@given(parts, st.integers(0, 5000))
def test_a_heavier_image_is_shown_at_least_as_often(found, share):
    times = shared(share, *found)
    free = sorted((part.weight, count) for part, count in zip(found, times, strict=True) if not part.repeats)
    assert [count for _, count in free] == sorted(count for _, count in free)


@settings(max_examples=50)
@given(parts, st.integers(0, 4000), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_more_steps_never_show_an_image_less_often_and_order_says_nothing(found, share, more, chance):
    times = shared(share, *found)
    assert all(one <= other for one, other in zip(times, shared(share + more, *found), strict=True))
    places = list(range(len(found)))
    chance.shuffle(places)
    assert shared(share, *(found[place] for place in places)) == tuple(times[place] for place in places)


@settings(max_examples=50)
@given(parts, st.integers(1, 4000), WEIGHTS, st.none() | st.integers(1, 5))
def test_the_table_counts_what_is_shown(found, steps, weight, repeats):
    plain = found[0].buckets
    apart = Concept("a", ("t",), plain, weight, repeats, apart=tuple(found[1:]))
    request = Request((apart, Concept("b", (), ((64, 64, 3),))), {"t": "style"}, steps=steps, epochs=1, batch=4)
    assert Request.from_dict(request.as_dict()) == request
    table = plan(request)
    row = table.concepts[0]
    times = (row.repeats, *(one.repeats for one in row.apart))
    counts = (sum(count for *_, count in plain), *(part.pictures for part in found[1:]))
    assert row.per_epoch == sum(many * often for many, often in zip(counts, times, strict=True))
    assert table.triggers[0].per_epoch == row.per_epoch
    assert table.steps.image == sum(one.per_epoch for one in table.concepts)
    in_buckets = (row.per_epoch, table.concepts[1].per_epoch)
    assert table.batches_per_epoch == sum(-(-many // 4) for many in in_buckets)
    assert sum(one.images for one in row.apart) + counts[0] == row.images


def test_images_of_several_resolutions_are_counted_once():
    found = Concept("a", (), ((512, 512, 20), (768, 768, 20)), further=20, apart=(some(4, 0.5, further=2),))
    table = plan(Request((found,), steps=210, epochs=1))
    row = table.concepts[0].as_dict()
    assert (row["images"], row["pictures"], row["repeats"], row["per_epoch"]) == (22, 44, 5, 208)
    assert row["apart"] == [{"images": 2, "repeats": 2, "weight": 0.5, "fixed": False}]


def test_a_concept_of_which_all_is_said_shows_the_repeats_of_the_most():
    found = Concept("a", (), apart=(some(10, 0.5), some(2, repeats=9)))
    (row,) = plan(Request((found,), steps=100, epochs=1)).concepts
    assert (row.images, row.repeats, row.per_epoch) == (12, 8, 98)


def test_nothing_new_in_what_says_nothing_new():
    request = Request((Concept("a", (), ((512, 512, 20),)),), steps=100, epochs=1)
    assert request.as_dict()["concepts"][0].keys() == {"name", "triggers", "buckets", "weight", "repeats", "upscaled"}
    assert plan(request).as_dict()["concepts"][0].keys() == {"name", "images", "repeats", "per_epoch", "share"}


def test_repeats_above_the_share_are_named():
    found = Concept("a", (), ((512, 512, 5),), apart=(some(5, repeats=9),))
    (warning,) = plan(Request((found,), {}, steps=20, epochs=1)).warnings
    assert (warning.code, warning.item) == ("over-share", "a")
    assert "of their own" in warning.text
