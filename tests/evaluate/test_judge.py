"""lorabuild.evaluate.judge: what follows from what was measured."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.evaluate import judge
from lorabuild.evaluate.judge import Row, Worn

BASE = 0.2
LOSSES = st.floats(0.001, 1, allow_subnormal=False)
ROWS = st.lists(st.tuples(LOSSES, LOSSES, st.floats(-2, 1), st.floats(0, 3)), min_size=1, max_size=12)


def rows(*told):
    return judge.scored([Row(at, *one) for at, one in enumerate(told, 1)], BASE)


def worn(*fried, likeness=(0.2, 0.6, 0.7, 0.6)):
    weights = (0.5, 0.75, 1.0, 1.5)
    return [
        Worn(weight, alike, 2.0 if weight in fried else 1.0) for weight, alike in zip(weights, likeness, strict=True)
    ]


@pytest.mark.parametrize(
    ("means", "epoch"),
    [
        ({1: 0.07, 2: 0.05, 3: 0.04}, 3),
        ({1: 0.07, 2: 0.05, 3: 0.06, 4: 0.055}, 2),
        ({1: 0.07, 2: 0.05, 3: 0.06, 4: 0.04}, 4),
        ({1: 0.07, 2: 0.05, 3: 0.0505, 4: 0.04}, 4),  # a rise of 2 % of the descent is noise
        ({1: 0.05, 2: 0.07}, 1),
        ({3: 0.05}, 3),
    ],
)
def test_the_last_steady_descent_before_a_rise(means, epoch):
    assert judge.turn(means) == epoch


def test_a_run_that_gets_like_its_images_and_keeps_what_is_unseen_is_good():
    found = rows((0.16, 0.07, 0.4, 0.2), (0.17, 0.05, 0.6, 0.2), (0.175, 0.04, 0.9, 0.2))
    assert judge.best(found).epoch == 3
    assert judge.verdict(found, BASE) == "good"


def test_a_run_that_is_like_nothing_is_undertrained():
    found = rows((0.17, 0.09, 0.0, 0.1), (0.16, 0.08, 0.1, 0.1))
    assert judge.verdict(found, BASE) == "undertrained"
    assert "0.10 is below 0.33" in judge.reasons(found, BASE, "pictures")[-1]


def test_a_run_that_knows_unseen_pictures_worse_than_the_base_is_overtrained():
    found = rows((0.16, 0.07, 0.6, 0.2), (0.19, 0.05, 0.8, 0.3), (0.24, 0.03, 0.85, 0.5))
    assert judge.best(found).epoch == 2
    assert judge.verdict(found, BASE) == "overtrained"
    assert "epoch 3 knows pictures worse than the base alone" in judge.reasons(found, BASE, "pictures")[-1]


def test_weights_are_usable_about_the_best_until_pictures_fry():
    assert judge.usable(worn()) == (0.75, 1.5)
    assert judge.usable(worn(1.5)) == (0.75, 1.0)  # too harsh
    assert judge.usable(worn(1.0)) == (0.75, 0.75)
    assert judge.usable(worn(likeness=(0.5, 0.6, 0.7, 0.2))) == (0.5, 1.0)  # no longer like it
    assert judge.usable(worn(likeness=(0.9, 0.6, 0.4, 0.2))) == (0.5, 0.75)
    assert judge.usable(worn(likeness=(-1, -0.5, 0, 0))) == judge.usable(worn(0.5)) == (0.0, 0.0)
    reaches = ((0.75, 1.5), (0.5, 0.75), (1.25, 1.5), (0, 0))
    assert [judge.weight_of(reach) for reach in reaches] == [1.0, 0.75, 1.25, 1.0]


def test_the_sentences_name_the_weight_and_the_way_out():
    found = rows((0.16, 0.07, 0.6, 0.2))
    assert "pictures fry above 0.75; `lorabuild lora rebase`" in judge.reasons(found, BASE, "x", worn(1.0))[1]
    assert "no weight up to 1.5 fries" in judge.reasons(found, BASE, "x", worn())[1]
    assert "no weight makes" in judge.reasons(found, BASE, "x", worn(0.5))[1]


@given(ROWS, LOSSES)
def test_scores_are_finite_bounded_and_better_for_a_better_row(told, base):
    plain = [Row(at, *one) for at, one in enumerate(told, 1)]
    found = judge.scored(plain, base)
    assert all(-0.25 <= row.score <= 1 for row in found)
    better = [*plain[:-1], replace(plain[-1], likeness=1.0, prior_distance=0.0)]
    assert judge.scored(better, base)[-1].score >= found[-1].score
    assert judge.verdict(found, base) in ("good", "undertrained", "overtrained")


def test_what_is_picked_is_plain_data():
    found = judge.Picked(rows((0.1, 0.1, 0.5, 0.1)), 1, 1.0, "good", ("why",), "x", BASE, "eye", tuple(worn(1.5)))
    told = json.loads(json.dumps(found.as_dict()))
    assert told["rows"][0]["epoch"] == told["epoch"] == 1
    assert [one["weight"] for one in told["worn"]] == [0.5, 0.75, 1.0, 1.5]
