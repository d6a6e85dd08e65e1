import dataclasses
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.budget import plan, shares
from lorabuild.balance.request import Concept, Request
from lorabuild.balance.table import ConceptRow

KINDS = {"zorbl": "character", "cape": "outfit", "hat": "outfit", "suit": "outfit"}


def folder(name, images, *triggers, **more):
    return Concept(name, triggers, buckets=((512, 512, images),) if images else (), **more)


def repeats(*concepts, **more):
    return list(plan(Request(concepts, KINDS, **more)).repeats.values())


def codes(table):
    return [(warning.code, warning.item) for warning in table.warnings]


def test_34_images_times_6_repeats_over_10_epochs_are_2040_steps():
    table = plan(Request((folder("zorbl", 34),), steps=2040, epochs=10))
    assert table.repeats == {"zorbl": 6}
    assert table.concepts[0].per_epoch == 204
    assert table.steps.image == 2040


def test_100_50_10_images_at_300_an_epoch_repeat_3_6_30():
    outfits = [folder(name, n, "zorbl", name) for name, n in (("cape", 100), ("hat", 50), ("suit", 10))]
    table = plan(Request(tuple(outfits), KINDS, steps=900 * 8, epochs=8))
    assert list(table.repeats.values()) == [3, 6, 30]
    assert [row.per_epoch for row in table.concepts] == [300, 300, 300]
    assert {row.name: row.per_epoch for row in table.triggers} == {"zorbl": 900, "cape": 300, "hat": 300, "suit": 300}
    assert table.triggers[0].total == 7200
    assert ("over-exposed", "zorbl") in codes(table)


def test_20_10_5_images_at_equal_weight_repeat_10_20_40():
    table = plan(Request((folder("a", 20), folder("b", 10), folder("c", 5)), steps=600, epochs=1))
    assert list(table.repeats.values()) == [10, 20, 40]
    assert {row.per_epoch for row in table.concepts} == {200}


def test_weights_share_the_budget_exactly():
    concepts = folder("a", 7, weight=0.7), folder("b", 1, weight=0.1), folder("c", 2, weight=0.2)
    table = plan(Request(concepts, steps=1000, epochs=1))
    assert [row.share for row in table.concepts] == [700.0, 100.0, 200.0]
    assert list(table.repeats.values()) == [100, 100, 100]


def test_repeats_are_rounded_down():
    assert repeats(folder("a", 30), steps=89, epochs=1) == [2]
    assert repeats(folder("a", 30), steps=90, epochs=1) == [3]


def test_more_images_than_steps_repeat_once_with_a_warning():
    table = plan(Request((folder("a", 30),), steps=29, epochs=1))
    assert table.repeats == {"a": 1}
    assert codes(table) == [("over-share", "a")]
    assert not plan(Request((folder("a", 30),), steps=30, epochs=1)).warnings


def test_fixed_repeats_leave_the_rest_to_the_others():
    table = plan(Request((folder("a", 10, repeats=3), folder("b", 10)), steps=100, epochs=1))
    assert list(table.repeats.values()) == [3, 7]
    assert [row.share for row in table.concepts] == [30.0, 70.0]


def test_fixed_repeats_above_the_budget_leave_one_look_to_the_others():
    table = plan(Request((folder("a", 100, repeats=3), folder("b", 10)), steps=100, epochs=1))
    assert list(table.repeats.values()) == [3, 1]
    assert codes(table) == [("over-share", "b")]


def test_an_empty_concept_takes_no_share_and_is_named():
    table = plan(Request((folder("a", 10), folder("b", 0)), steps=100, epochs=1))
    assert table.concepts[1] == ConceptRow("b", images=0, repeats=1, per_epoch=0, share=0.0)
    assert table.concepts[0].share == 100.0
    assert codes(table) == [("empty-concept", "b")]


def test_no_images_at_all_take_no_steps():
    table = plan(Request((folder("a", 0, "zorbl"),), KINDS, prior=(512, 512)))
    assert (table.steps.image, table.steps.optimizer, table.batches_per_epoch) == (0, 0, 0)


def test_regularization_images_come_on_top():
    request = Request((folder("a", 10),), steps=800, epochs=8, batch=4)
    plain, table = plan(request), plan(dataclasses.replace(request, prior=(512, 512)))
    assert (plain.steps.image, plain.batches_per_epoch, plain.regularization_per_epoch) == (800, 25, 0)
    assert (table.steps.image, table.batches_per_epoch, table.regularization_per_epoch) == (1600, 50, 100)
    assert table.repeats == plain.repeats
    assert table.triggers == plain.triggers


def test_regularization_images_of_another_size_make_batches_of_their_own():
    request = Request((Concept("a", buckets=((384, 640, 5),)),), steps=5, epochs=1, batch=4, prior=(512, 512))
    assert plan(request).batches_per_epoch == 4


def test_the_recipe_gives_main_and_sub_concepts_their_steps():
    concepts = folder("plain", 20, "zorbl"), folder("cape", 10, "zorbl", "cape")
    assert repeats(*concepts) == [30, 20]
    assert repeats(*concepts, optimizer="prodigy") == [15, 10]
    assert repeats(*concepts, optimizer="prodigy", large=True) == [7, 5]
    assert repeats(*concepts, min_snr=True) == [18, 12]
    assert repeats(*concepts, retro=True) == [10, 6]
    assert repeats(*concepts, epochs=16) == [15, 10]


def test_weights_move_a_recipe_between_concepts():
    table = plan(Request((folder("a", 10, weight=2.0), folder("b", 10)), optimizer="prodigy"))
    assert [row.share for row in table.concepts] == [400.0, 200.0]


def test_fixed_repeats_leave_the_recipe_of_the_others_alone():
    assert repeats(folder("plain", 20, "zorbl"), folder("cape", 10, "cape", repeats=3)) == [30, 3]


def test_as_dict_is_what_plan_prints():
    table = plan(Request((folder("plain", 12, "zorbl"),), {"zorbl": "character"}, steps=240, epochs=2, batch=500))
    assert table.as_dict() == {
        "concepts": [{"name": "plain", "images": 12, "repeats": 10, "per_epoch": 120, "share": 120.0}],
        "triggers": [{"name": "zorbl", "per_epoch": 120, "total": 240}],
        "steps": {"image": 240, "optimizer": 2, "epochs": 2},
        "warnings": [
            {
                "code": "small-bucket",
                "item": "512x512",
                "text": "fills only 120 of a batch of 500 in an epoch; fewer, fuller buckets train better",
            }
        ],
        "batches_per_epoch": 1,
        "regularization_per_epoch": 0,
    }
    assert json.loads(json.dumps(table.as_dict())) == table.as_dict()


images = st.integers(1, 300)
weights = st.floats(0.01, 100, allow_nan=False)


@st.composite
def requests(draw, **fixed):
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    triggers = st.lists(st.sampled_from(sorted(KINDS)), unique=True).map(tuple)
    concepts = tuple(folder(name, draw(images), *draw(triggers), weight=draw(weights)) for name in names)
    steps, epochs = draw(st.none() | st.integers(1, 20000)), draw(st.integers(1, 40))
    return Request(concepts, KINDS, steps=steps, epochs=epochs, batch=draw(st.integers(1, 9)), **fixed)


@given(requests())
def test_whole_repeats_stay_within_the_share_or_warn(request):
    exact = shares(request)
    table = plan(request)
    over = {item for code, item in codes(table) if code == "over-share"}
    for row in table.concepts:
        within = row.images * row.repeats <= exact[row.name] < row.images * (row.repeats + 1)
        assert row.repeats >= 1
        assert within or (row.repeats == 1 and row.name in over)
        assert (row.name in over) == (row.images > exact[row.name])


@given(requests())
def test_shares_add_up_to_the_budget(request):
    if request.steps is not None:
        assert sum(shares(request).values()) == Fraction(request.steps, request.epochs)


@given(requests(), st.integers(1, 20000), st.integers(0, 5000))
def test_a_larger_budget_never_lowers_repeats(request, steps, more):
    small = plan(dataclasses.replace(request, steps=steps)).repeats
    large = plan(dataclasses.replace(request, steps=steps + more)).repeats
    assert all(small[name] <= large[name] for name in small)


@given(requests())
def test_exposure_is_the_sum_over_concepts(request):
    table = plan(request)
    for row in table.triggers:
        pairs = zip(request.concepts, table.concepts, strict=True)
        assert row.per_epoch == sum(shown.per_epoch for concept, shown in pairs if row.name in concept.triggers)
        assert row.total == row.per_epoch * request.epochs


@given(requests(), st.randoms(use_true_random=False))
def test_the_order_of_concepts_changes_no_number(request, random):
    shuffled = list(request.concepts)
    random.shuffle(shuffled)
    first, second = plan(request), plan(dataclasses.replace(request, concepts=tuple(shuffled)))
    assert first.repeats == second.repeats
    assert (first.triggers, first.steps) == (second.triggers, second.steps)
    assert sorted(codes(first)) == sorted(codes(second))


@given(requests(prior=(512, 512)))
def test_one_regularization_image_a_training_image(request):
    table = plan(request)
    assert table.steps.image == 2 * request.epochs * sum(row.per_epoch for row in table.concepts)


@pytest.mark.parametrize("batch", [1, 3])
def test_optimizer_steps_count_short_batches(batch):
    concept = Concept("a", buckets=((384, 640, 1), (512, 512, 3)))
    table = plan(Request((concept,), steps=4, epochs=1, batch=batch))
    assert table.steps.optimizer == {1: 4, 3: 2}[batch]
