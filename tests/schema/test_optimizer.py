"""lorabuild.schema.optimizer, lorabuild.schema.schedule: what the records take and how they hold it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from lorabuild.schema.optimizer import Custom, Optimizer
from lorabuild.schema.schedule import Schedule, steps_of


def test_arguments_are_frozen_as_classes_take_them():
    written = {"betas": [0.9, [1, {"a": [2]}]], "b": {"c": [True, None]}, "d": "text"}
    found = Custom.model_validate({"class": "a.B", "arguments": written}).arguments
    assert found == {"betas": (0.9, (1, {"a": (2,)})), "b": {"c": (True, None)}, "d": "text"}


@pytest.mark.parametrize("path", ["RAdam", "a..B", ".a.B", "a.B.", "a.B()", "a b.C", "../a.B", "a/b.C", "1a.B", ""])
def test_an_import_path_is_one(path):
    with pytest.raises(ValidationError):
        Custom.model_validate({"class": path})


@pytest.mark.parametrize("words", [{"lr": 0}, {"growth_rate": 1}, {"beta3": 1}, {"d_coef": 0}, {"weight_decay": -1}])
def test_numbers_out_of_range(words):
    with pytest.raises(ValidationError):
        TypeAdapter(Optimizer).validate_python({"type": "prodigy", **words})


@pytest.mark.parametrize("words", [{"warmup": -1}, {"min_lr": 1.1}, {"restarts": -1}, {"gamma": 0}, {"gamma": 1.1}])
def test_schedules_out_of_range(words):
    with pytest.raises(ValidationError):
        TypeAdapter(Schedule).validate_python({"type": "annealed_cosine", **words})


def test_shares_are_rounded_down_as_in_the_standard_trainer():
    assert [steps_of(0.1, total) for total in (9, 10, 99, 100)] == [0, 1, 9, 10]
