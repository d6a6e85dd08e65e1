"""lorabuild.evaluate.judge: what follows from what was measured."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.evaluate import judge
from lorabuild.evaluate.judge import Row, Worn

BASE = 0.2
MEASURED = json.loads((Path(__file__).parents[1] / "data/picking.json").read_text("utf-8"))
"""Run → what `benchmarks/picking.py --write` measured of it: rows, the classifier's scores, weights of two epochs."""
VERDICTS = {"usual": "good", "4 ×": "overtrained", "÷ 8": "undertrained"}
WEIGHED = [(run, epoch) for run, told in MEASURED.items() if run != "÷ 8" for epoch in told["weights"]]
LOSSES = st.floats(0.001, 1, allow_subnormal=False)
ROWS = st.lists(st.tuples(LOSSES, LOSSES, st.floats(-2, 1), st.none() | st.floats(0, 3)), min_size=1, max_size=12)


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
    assert "it knows unseen ones better" in judge.reasons(found, BASE, judge.HELD)[-1]
    assert "write `training.validation`" in judge.reasons(found, BASE, judge.TRAINED)[-1]


def test_a_run_that_is_like_nothing_is_undertrained():
    found = rows((0.17, 0.09, 0.0, 0.1), (0.16, 0.08, 0.1, 0.1))
    assert judge.verdict(found, BASE) == "undertrained"
    assert "0.10 is below 0.33" in judge.reasons(found, BASE, "pictures")[-1]


def test_a_run_that_knows_unseen_pictures_worse_than_the_base_is_overtrained():
    found = rows((0.16, 0.07, 0.6, 0.2), (0.19, 0.05, 0.8, 0.3), (0.24, 0.03, 0.85, 0.5))
    assert judge.best(found).epoch == 2
    assert judge.verdict(found, BASE) == "overtrained"
    said = judge.reasons(found, BASE, "pictures")[-1]
    assert "epoch 3 knows pictures worse than the base alone" in said
    assert "or hand out epoch 2" in said


def test_a_lone_epoch_is_the_only_one_and_none_can_be_handed_out_instead():
    first, last = judge.reasons(rows((0.21, 0.04, 0.9, 0.2)), BASE, "pictures")
    assert first.endswith("; it is the only one.")
    assert last.endswith("lower `budget.steps`.")


def test_equal_epochs_are_told_apart_by_what_is_unseen_then_by_their_number():
    assert judge.best(rows((0.17, 0.05, 0.6, 0.2), (0.16, 0.05, 0.6, 0.2))).epoch == 2
    assert judge.best(rows((0.17, 0.05, 0.6, 0.2), (0.17, 0.05, 0.6, 0.2))).epoch == 1


def test_weights_are_usable_about_the_best_until_pictures_fry():
    assert judge.usable(worn()) == (0.75, 1.5)
    assert judge.usable(worn(1.5)) == (0.75, 1.0)  # too harsh
    assert judge.usable(worn(1.0)) == (0.75, 0.75)
    assert judge.usable(worn(likeness=(0.6, 0.6, 0.7, 0.2))) == (0.5, 1.0)  # no longer like it
    assert judge.usable(worn(likeness=(0.9, 0.7, 0.4, 0.2))) == (0.5, 0.75)
    assert judge.usable(worn(likeness=(-1, -0.5, 0, 0))) is judge.usable(worn(0.5)) is None
    reaches = ((0.75, 1.5), (0.5, 0.75), (1.25, 1.5), None)
    assert [judge.weight_of(reach) for reach in reaches] == [1.0, 0.75, 1.25, 1.0]


def test_pictures_fry_from_the_first_weight_past_the_usable_ones():
    assert [judge.fries(one, judge.usable(one)) for one in map(worn, (9, 1.5, 1.0, 0.5))] == [None, 1.5, 1.0, 0.5]
    assert judge.fries(worn(likeness=(0.0, 0.1, 0.1, 0.0)), None) is None  # nothing was ever like it: noise
    assert [one.fried for one in judge.marked(worn(1.0), (0.75, 0.75))] == [False, False, True, True]


def test_the_sentences_name_the_weight_and_the_way_out():
    found = rows((0.16, 0.07, 0.6, 0.2))

    def said(**how):
        return judge.reasons(found, BASE, "x", worn(*how.pop("fried", ()), **how))[1]

    whole = "Weight 1: 0.75 to 1.5 can be used, at 0.5 too little is seen of it, no weight up to 1.5 fries."
    assert said() == whole
    assert said(fried=(1.0,)).startswith("Weight 0.75: only 0.75 can be used")
    assert said(fried=(1.0,)).endswith("at 1 pictures fry; `lorabuild lora rebase FILE --from 0.75` makes that 1.")
    assert said(fried=(0.5,)) == "Weight 1: at no weight are pictures like the training images; at 0.5 pictures fry."
    assert said(likeness=(0.1, 0.1, 0.2, 0.5)).startswith("Weight 1.5: only 1.5 can be used, at 1 too little")


def test_a_subject_that_comes_without_its_trigger_is_said():
    said = judge.reasons(rows((0.16, 0.07, 0.6, 0.48)), BASE, "x")
    assert said[-1].startswith("It is drawn without its trigger, too: likeness 0.48 then, 0.60 with it; `regularizati")
    for likeness, leak in ((0.6, 0.29), (0.2, 0.19), (0.6, None), (0.6, -0.1)):
        assert len(judge.reasons(rows((0.16, 0.07, likeness, leak)), BASE, "x")) == 2


def test_what_fries_at_half_its_weight_is_overtrained():
    baked = [Worn(0.25, 0.7, 0.9), *worn(likeness=(0.2, 0.1, 0.05, 0.0))]
    for unseen, alike in ((0.16, 0.5), (0.3, 0.05)):  # the second is like nothing at 1, and not for want of training
        found = rows((unseen, 0.07, alike, 0.2))
        assert judge.verdict(found, BASE, baked) == "overtrained"
        said = judge.reasons(found, BASE, "x", baked)
        assert "--from 0.25` makes that 1" in said[1]
        assert "fry at weight 0.5 already; lower `budget.steps`: fewer repeats" in said[2]
    assert judge.verdict(rows((0.16, 0.07, 0.5, 0.2)), BASE, worn(1.0)) == "good"  # `rebase` is enough


def test_an_undertrained_lora_isn_t_recommended_at_less_of_it():
    found = rows((0.16, 0.07, 0.2, 0.2))
    assert judge.reach(found, BASE, worn(likeness=(0.4, 0.2, 0.2, 0.1))) is None
    assert "fry" not in judge.reasons(found, BASE, "x", worn(likeness=(0.4, 0.2, 0.2, 0.1)))[1]
    assert judge.reach(found, BASE, worn(likeness=(0.1, 0.1, 0.2, 0.4))) == (1.5, 1.5)


@given(ROWS, LOSSES)
def test_scores_are_finite_bounded_and_better_for_a_better_row(told, base):
    plain = [Row(at, *one) for at, one in enumerate(told, 1)]
    found = judge.scored(plain, base)
    assert all(-0.25 <= row.score <= 1 for row in found)
    better = [*plain[:-1], replace(plain[-1], likeness=1.0, leak=0.0)]
    assert judge.scored(better, base)[-1].score >= found[-1].score
    assert judge.verdict(found, base) in ("good", "undertrained", "overtrained")


def test_what_is_picked_is_plain_data():
    found = judge.Picked(rows((0.1, 0.1, 0.5, 0.1)), 1, 1.0, "good", ("why",), "x", BASE, "eye", tuple(worn(1.5)))
    told = json.loads(json.dumps(found.as_dict()))
    assert list(told) == ["rows", "epoch", "weight", "verdict", "why", "source", "base", "eye", "worn"]
    assert list(told["rows"][0]) == [field.name for field in fields(Row)]
    assert list(told["worn"][0]) == ["weight", "likeness", "harshness", "fried"]
    assert told["rows"][0]["epoch"] == told["epoch"] == 1
    assert [one["weight"] for one in told["worn"]] == [0.5, 0.75, 1.0, 1.5]


def measured(run):
    return judge.scored([Row(**row) for row in MEASURED[run]["rows"]], MEASURED[run]["base"])


def weighed(run, epoch):
    return [Worn(one["weight"], one["likeness"], one["harshness"]) for one in MEASURED[run]["weights"][str(epoch)]]


@pytest.mark.parametrize("run", MEASURED)
def test_real_runs_are_told_apart_and_picked_as_the_classifier_would(run):
    found, base, scores = measured(run), MEASURED[run]["base"], MEASURED[run]["scores"]
    epoch = judge.best(found).epoch
    assert judge.verdict(found, base, weighed(run, epoch)) == VERDICTS[run]
    assert scores[epoch - 1] >= 0.95 * max(scores)


@pytest.mark.parametrize(("run", "epoch"), WEIGHED)
def test_pictures_fry_where_the_classifier_no_longer_knows_them_and_their_colours_leave(run, epoch):
    told = {one["weight"]: one for one in MEASURED[run]["weights"][epoch]}
    low, high = judge.usable(weighed(run, epoch))
    fried = judge.fries(weighed(run, epoch), (low, high))
    assert fried is not None
    usable = [one for weight, one in told.items() if low <= weight <= high]
    assert told[fried]["classifier"] < min(one["classifier"] for one in usable)
    assert told[fried]["colours"] > 1.25 * max(one["colours"] for one in usable)


def test_a_lora_that_is_driven_up_can_be_used_at_less_only():
    found, base = measured("usual"), MEASURED["usual"]["base"]
    epoch = judge.best(found).epoch
    low, high = judge.usable(weighed("usual", epoch))
    for factor, verdict in ((2, "good"), (4, "overtrained")):
        driven = [replace(one, weight=one.weight / factor) for one in weighed("usual", epoch)]
        assert judge.usable(driven) == (low / factor, high / factor)
        assert judge.verdict(found, base, driven) == verdict
        assert f"rebase FILE --from {high / factor:g}`" in judge.reasons(found, base, judge.MIRRORED, driven)[1]
