"""lorabuild.balance.slider: whole batches for every target, and what each is called by."""

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.slider import aims, identity, plan, prompts, shares
from lorabuild.schema.slider import Slider, Target

CAT = Target(target="cat", positive="big cat", negative="small cat")


@given(st.integers(1, 20), st.integers(1, 200), st.integers(1, 8))
def test_targets_share_the_batches_evenly(count, batches, batch):
    given_ = shares(count, batches, batch)
    assert sum(given_) == batches * batch
    assert all(looks % batch == 0 for looks in given_)
    assert max(given_) - min(given_) <= batch
    assert count > batches or min(given_) >= batch


def test_the_table_of_a_slider():
    table = plan(Slider(targets=(CAT, CAT.model_copy(update={"target": ""})), steps=100), batch=2, accumulation=3)
    assert (table.steps.image, table.steps.optimizer, table.steps.epochs) == (600, 100, 2)
    assert table.batches_per_epoch == 150
    assert [(row.name, row.per_epoch) for row in table.targets] == [("cat", 150), ("(empty)", 150)]
    assert table.concepts == table.triggers == table.warnings == ()
    assert table.as_dict()["targets"][0]["positive"] == "big cat"


def test_many_steps_are_warned_of():
    (finding,) = plan(Slider(targets=(CAT,), steps=550), 1, 1).warnings
    assert finding.code == "slider-steps"
    assert plan(Slider(targets=(CAT,), steps=500), 1, 1).warnings == ()


def test_a_target_starts_from_itself_unless_it_is_said():
    assert prompts(CAT) == ("cat", "big cat", "small cat", "cat")
    assert prompts(CAT.model_copy(update={"neutral": ""})) == ("cat", "big cat", "small cat", "")


def test_erasing_turns_the_direction_round():
    away = CAT.model_copy(update={"action": "erase", "guidance": 2.0, "weight": 0.5})
    assert aims(Slider(targets=(CAT, away)), 512) == {identity(CAT, 512): (1.0, 1.0), identity(away, 512): (-2.0, 0.5)}


def test_a_target_is_another_in_another_size():
    assert identity(CAT, 512) != identity(CAT, 768)
    assert identity(CAT.model_copy(update={"resolution": 512}), 768) == identity(CAT, 512)
