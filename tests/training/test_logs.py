import json
import math

import pytest

from lorabuild.training.logs import Row, by_concept, columns, lines, rows_of, smoothed, told


class Look:
    def __init__(self, concept):
        self.record = self
        self.concept = concept


def test_rows_are_numbers_and_back():
    first = Row(1, 1, 0.1, 0.1, 1.0, 2.0, 3.0, concepts=(0.5, math.nan))
    rows = [first, Row(2, 1, 0.2, 0.15, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, (1.0, 2.0))]
    assert repr(rows_of(columns(rows))) == repr(rows)  # NaN is not NaN
    assert rows_of(columns([])) == []


def test_what_is_no_number_is_left_out():
    row = Row(1, 1, 0.1, 0.1, 1.0, 0.0, math.inf, concepts=(0.5, math.nan))
    assert told(row, ["", "cape"]) == {
        "step": 1,
        "epoch": 1,
        "loss": 0.1,
        "loss_mean": 0.1,
        "lr": 1.0,
        "lr_text_encoder": 0.0,
        "lr_text_encoder_2": 0.0,
        "concepts": {"regularization": 0.5},
    }
    assert json.loads(lines([row], ["", "cape"]), parse_constant=pytest.fail)["step"] == 1


def test_the_loss_of_each_concept():
    looks = [Look("a"), Look("b"), Look("a")]
    found = by_concept(looks, [1.0, 5.0, 2.0], ["a", "b", "c"])
    assert found[:2] == (1.5, 5.0)
    assert math.isnan(found[2])


def test_the_smoothed_loss_is_the_mean_of_the_last_hundred():
    rows = [Row(n, 1, float(n), 0, 0, 0, 0) for n in range(1, 150)]
    assert smoothed(rows, 150.0) == pytest.approx(sum(range(51, 151)) / 100)
    assert smoothed([], 3.0) == 3.0
