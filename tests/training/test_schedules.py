import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from lorabuild.schema.schedule import Schedule, steps_of
from lorabuild.schema.training import Training
from lorabuild.training.schedules import SCHEDULES, schedule, text_encoders_end

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "lr_schedulers.json").read_text())["schedulers"]
STEPS = st.integers(0, 90) | st.floats(0, 0.999)


def factors(total, **words):
    factor = schedule(TypeAdapter(Schedule).validate_python(words), total)
    return [factor(step) for step in range(total)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("constant", {"type": "constant"}),
        ("constant_with_warmup_10", {"type": "constant", "warmup": 10}),
        ("linear_w10", {"type": "linear", "warmup": 10}),
        ("cosine_w10", {"type": "cosine", "warmup": 0.1}),
        ("cwr_3_w10", {"type": "cosine_with_restarts", "warmup": 10, "restarts": 2}),
        ("poly_2_w10", {"type": "polynomial", "warmup": 10, "power": 2, "min_lr": 1e-7}),
        ("cosine_min_lr_0.1", {"type": "cosine", "min_lr": 0.1}),
    ],
)
def test_equal_to_the_standard_trainer(name, words):
    assert factors(100, **words) == pytest.approx(KNOWN[name]["lr_at_step_0_to_99"], rel=0, abs=1e-9)


def test_every_reference_is_compared():
    assert len(KNOWN) == 7


def test_restarts_go_back_to_full_height():
    found = factors(100, type="cosine_with_restarts", restarts=1)
    assert found[0] == found[50] == 1.0
    assert found[49] < 0.01
    assert factors(100, type="cosine_with_restarts", restarts=0) == pytest.approx(factors(100, type="cosine"))


def test_rex_is_the_paper_s():
    assert factors(10, type="rex") == pytest.approx([(1 - z / 10) / (0.5 + 0.5 * (1 - z / 10)) for z in range(10)])


def test_annealed_cosine_warms_up_in_every_cycle_to_a_lower_peak():
    found = factors(300, type="annealed_cosine", restarts=2, warmup=10, gamma=0.8, min_lr=0.1)
    assert [found[start] for start in (0, 100, 200)] == pytest.approx([0.1] * 3)
    assert [found[start + 5] for start in (0, 100, 200)] == pytest.approx([0.55, 0.45, 0.37])
    assert [found[start + 10] for start in (0, 100, 200)] == pytest.approx([1.0, 0.8, 0.64])
    assert [found[start + 55] for start in (0, 100, 200)] == pytest.approx([0.55, 0.45, 0.37])
    assert all(0.1 <= factor < 0.101 for factor in (found[99], found[199], found[299]))


def test_a_share_of_a_cycle_is_its_warm_up():
    assert factors(300, type="annealed_cosine", warmup=0.1) == factors(300, type="annealed_cosine", warmup=10)


def test_a_peak_is_never_below_the_floor():
    assert set(factors(20, type="annealed_cosine", restarts=19, warmup=0, gamma=0.5, min_lr=0.4)) == {1.0, 0.5, 0.4}


def test_below_one_is_a_share_and_from_one_on_it_is_steps():
    assert [steps_of(amount, 250) for amount in (0, 0.5, 0.999, 1, 2, 400)] == [0, 125, 249, 1, 2, 400]


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 80), STEPS, st.floats(0, 1), st.integers(0, 9))
def test_between_zero_and_one(name, total, warmup, low, restarts):
    words = {"type": name, "warmup": warmup}
    words |= {} if name == "constant" else {"min_lr": low}
    words |= {"restarts": restarts} if name in {"cosine_with_restarts", "annealed_cosine"} else {}
    found = factors(total, **words)
    assert all(0 <= factor <= 1 for factor in found)
    assert name == "constant" or all(factor >= low for factor in found[steps_of(warmup, total) :])


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 80), STEPS)
def test_the_warm_up_rises_from_nothing_to_full_height(name, total, warmup):
    words = {"restarts": 0} if name == "annealed_cosine" else {}
    steps = steps_of(warmup, total)
    found = factors(total, type=name, warmup=warmup, **words)[: steps + 1]
    assert all(before < after for before, after in pairwise(found))
    assert found[0] == (0 if steps else 1)
    assert len(found) <= steps or found[-1] == 1


@given(st.sampled_from(["linear", "cosine", "polynomial", "rex"]), st.integers(1, 80), STEPS, st.floats(0, 1))
def test_behind_the_warm_up_it_only_falls(name, total, warmup, low):
    found = factors(total, type=name, warmup=warmup, min_lr=low)[steps_of(warmup, total) :]
    assert all(before >= after for before, after in pairwise(found))


@pytest.mark.parametrize(("written", "step_"), [(None, 200), (0.5, 100), (1, 1), (30, 30), (900, 200)])
def test_the_end_of_the_text_encoders(written, step_):
    assert text_encoders_end(Training(text_encoder_end=written), 200) == step_
