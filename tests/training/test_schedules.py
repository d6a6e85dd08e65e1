import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from lorabuild.schema.training import Schedule
from lorabuild.training.schedules import schedule

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "lr_schedulers.json").read_text())


def factors(total, **words):
    factor = schedule(TypeAdapter(Schedule).validate_python(words), total)
    return [factor(step) for step in range(total)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("constant", {"type": "constant"}),
        ("constant_with_warmup_10", {"type": "constant", "warmup": 10}),
        ("cosine_w10", {"type": "cosine", "warmup": 10}),
        ("cwr_3_w10", {"type": "cosine_with_restarts", "warmup": 10, "restarts": 2}),
    ],
)
def test_equal_to_the_standard_trainer(name, words):
    assert factors(100, **words) == pytest.approx(KNOWN[name], abs=1e-6)


def test_restarts_go_back_to_full_height():
    found = factors(100, type="cosine_with_restarts", restarts=1)
    assert found[0] == found[50] == 1.0
    assert found[49] < 0.01
    assert factors(100, type="cosine_with_restarts", restarts=0) == pytest.approx(factors(100, type="cosine"))


@given(st.sampled_from(["constant", "cosine", "cosine_with_restarts"]), st.integers(1, 80), st.integers(0, 90))
def test_between_zero_and_one(name, total, warmup):
    assert all(0 <= factor <= 1 for factor in factors(total, type=name, warmup=warmup))
