from statistics import mean, stdev

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from pydantic import TypeAdapter
from test_randomness import look

from lorabuild.core.counted import unit
from lorabuild.core.errors import ProjectError
from lorabuild.schema.noise import Timesteps
from lorabuild.training.timesteps import bounds, place, timesteps

KINDS = ("uniform", "sigmoid", "logit_normal")


def made(**words):
    return TypeAdapter(Timesteps).validate_python(words)


def drawn(number=3000, **words):
    return timesteps(made(**words), 1, [look("a", visit) for visit in range(number)], 1000)


def test_uniform_timesteps_cover_the_range_evenly():
    found = timesteps(made(type="uniform"), 1, [look("a", visit) for visit in range(2000)], 10)
    assert found.dtype == torch.int64
    assert set(found.tolist()) == set(range(10))
    assert found.bincount().min() > 150
    assert found[0].item() == int(unit(1, "timestep", *look("a").identity) * 10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_is_half_open(kind):
    found = drawn(type=kind, min=200, max=203)
    assert {*found.tolist()} == {200, 201, 202}
    assert {*drawn(50, type=kind, min=999).tolist()} == {999}


def test_sigmoid_prefers_the_middle():
    usual, wide, narrow = (drawn(type="sigmoid", scale=scale).float() for scale in (1, 2, 0.5))
    middle = [((found > 250) & (found < 750)).float().mean() for found in (wide, usual, narrow)]
    assert middle == sorted(middle)
    assert middle[1] == pytest.approx(0.728, abs=0.03)  # Φ(ln 3) - Φ(-ln 3)


def test_logit_normal_has_its_mean_and_deviation():
    found = (drawn(type="logit_normal", mean=-0.8, std=0.6).double() + 0.5) / 1000
    logits = found.logit().tolist()
    assert mean(logits) == pytest.approx(-0.8, abs=0.03)
    assert stdev(logits) == pytest.approx(0.6, abs=0.03)


def test_sigmoid_is_the_standard_logit_normal():
    assert torch.equal(drawn(200, type="sigmoid", scale=1.5), drawn(200, type="logit_normal", std=1.5))


@given(some.floats(0, 1, exclude_max=True), some.sampled_from(KINDS), some.floats(0.01, 50))
def test_no_number_leaves_the_range(even, kind, width):
    words = {"sigmoid": {"scale": width}, "logit_normal": {"std": width}}.get(kind, {})
    assert 0 <= place(made(type=kind, **words), even) <= 1


@pytest.mark.parametrize("even", [0.0, 1 - 2.0**-53])
def test_the_ends_of_the_even_numbers(even, monkeypatch):
    monkeypatch.setattr("lorabuild.training.randomness.share", lambda *_: even)
    for kind, words in {"uniform": {}, "sigmoid": {"scale": 40}, "logit_normal": {"mean": 30}}.items():
        assert 0 <= timesteps(made(type=kind, **words), 1, [look("a")], 1000).item() <= 999


def test_timesteps_that_the_model_lacks():
    assert bounds(made(type="uniform", min=2), 10) == (2, 10)
    for words in ({"max": 11}, {"min": 10}, {"min": 5, "max": 5}):
        with pytest.raises(ProjectError, match="this model has the timesteps 0 to 9"):
            bounds(made(type="uniform", **words), 10)
