import light

from lorabuild.graph.drawing import picture_id
from lorabuild.graph.states import State, epoch_name, states, step_name


def known(project, *overrides):
    with light.viewed(project, *overrides) as view:
        return states(view)


def test_epochs_or_only_the_last_or_those_that_are_kept(project):
    assert known(project) == [State("epoch-0001", 1), State("epoch-0002", 2)]
    assert known(project, "samples.every=end") == [State("epoch-0002", 2)]
    assert known(project, "training.keep_checkpoints=1") == [State("epoch-0002", 2)]


def test_once_it_is_trained_they_have_their_files(project):
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text", "train")
        outputs = view.made("train")["train"].outputs
        assert [state.lora for state in states(view)] == [outputs[epoch_name(epoch)] for epoch in (1, 2)]


def test_steps_and_the_end_of_the_last_epoch(project):
    light.built(project)
    with light.viewed(project, "samples.every=6", "training.save_every=3") as view:
        light.plant(view, "latents", "text")
        assert view.step("train").items
        found = states(view)
        steps = view.step("balance")
        assert steps.clean
        assert found[-1] == State("epoch-0002", 2)
        assert [state.step for state in found[:-1]] == [6, 12, 18]
        assert [state.epoch for state in found[:-1]] == [1, 1, 2]
        assert found[0] == State(step_name(6), 1, 6)
        assert found[0].parts == {"step": 6}


def test_of_steps_those_that_are_kept(project):
    overrides = ("samples.every=6", "training.save_every=6", "training.keep_checkpoints=2")
    assert [state.step for state in known(project, *overrides)] == [12, 18, 0]


def test_a_step_s_name():
    assert picture_id("a", State(step_name(6), 1, 6), ("weight 0.5",)) == "step 6, weight 0.5 · a"
