import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.evaluate import loss


def test_reads_the_log_of_a_training():
    rows = [{"step": 1, "epoch": 1, "loss": 0.5, "lr": 1e-3, "grad_norm": 1.0}, {"step": 2, "epoch": 2, "loss": 0.25}]
    steps = loss.read("\n".join(map(json.dumps, rows)).encode() + b"\n\n")
    assert steps == (loss.Step(1, 1, 0.5, rates={"U-Net": 1e-3}), loss.Step(2, 2, 0.25))
    assert loss.rates(steps) == {}
    assert loss.rates(steps[:1]) == {"U-Net": [1e-3]}


def test_the_loss_of_a_concept_stands_at_the_steps_that_saw_it():
    seen = [{"a": 0.4}, {"b": 1.0}, {"a": 0.2, "b": 3.0}, {}]
    steps = [loss.Step(step, 1, 0.1, concepts=concepts) for step, concepts in enumerate(seen, 1)]
    found = loss.by_concept(steps)
    assert found == {"a": [(0, pytest.approx(0.3)), (2, pytest.approx(0.3))], "b": [(1, 2.0), (2, 2.0)]}


def test_mean_of_each_epoch():
    steps = [loss.Step(1, 1, 0.4), loss.Step(2, 1, 0.2), loss.Step(3, 2, 0.1)]
    assert loss.by_epoch(steps) == pytest.approx({1: 0.3, 2: 0.1})


@given(st.lists(st.floats(0, 10), max_size=200))
def test_smoothing_stays_within_the_values(values):
    smoothed = loss.smooth(values)
    assert len(smoothed) == len(values)
    assert all(min(values) - 1e-9 <= value <= max(values) + 1e-9 for value in smoothed)


def test_smoothing_does_not_lag():
    """A fall in the middle of the run is found in the middle of the smoothed run."""
    smoothed = loss.smooth([1.0] * 100 + [0.0] * 100)
    assert smoothed[99] > 0.5 > smoothed[100]


def test_validation_losses_stand_at_the_end_of_their_epochs():
    log = b'{"step": 1, "epoch": 1, "loss": 2, "validation": 0.5}\n{"step": 2, "epoch": 2, "loss": 1}\n'
    assert loss.validated(loss.read(log)) == {1: 0.5}
