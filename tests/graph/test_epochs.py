import json

import light
import pytest

from lorabuild.graph.epochs import beside, steps

LOG = [{"step": 1, "epoch": 1}, {"step": 2, "epoch": 1}, {"step": 3, "epoch": 2}, {"step": 4, "epoch": 2}]


@pytest.fixture
def trained(project, monkeypatch):
    """A training of two epochs with a log of its steps."""
    outputs, facts = light.PLANTED["train"]
    log = "\n".join(map(json.dumps, LOG)).encode()
    monkeypatch.setitem(light.PLANTED, "train", ({**outputs, "log": log}, {**facts, "steps": 4}))
    light.built(project)

    def look(*overrides, handed=2):
        with light.viewed(project, *overrides) as view:
            light.plant(view, "latents", "text", "train")
            result = view.made("train")["train"]
            found = beside(view, result, handed)
            return result, found, steps(view, result)

    return look


def test_every_epoch_ends_where_the_log_says(trained):
    assert trained()[2] == {1: 2, 2: 4}


def test_nothing_lies_beside_it_unless_it_is_asked_for(trained):
    assert trained()[1] == []


@pytest.mark.parametrize(
    ("said", "handed", "epochs"), [("all", 2, [1]), ("all", 1, [2]), ("[2, 1]", 2, [1, 2]), ("2", 2, [2])]
)
def test_epochs_beside_it(trained, said, handed, epochs):
    result, found, _ = trained(f"output.epochs={said}", handed=handed)
    assert [one["epoch"] for one in found] == epochs
    assert all(one["lora"] == result.outputs[f"epoch-{one['epoch']:04d}"] for one in found)
    assert [one["steps"] for one in found] == [2 * epoch for epoch in epochs]


def test_an_epoch_that_the_training_did_not_come_to_is_left_out(trained, project):
    light.write(project, budget={"steps": 24, "epochs": 2}, output={"epochs": "all"})
    assert [one["epoch"] for one in trained(handed=3)[1]] == [1, 2]
