import pytest

from lorabuild.balance.budget import plan
from lorabuild.balance.request import Concept, Request

KINDS = {"zorbl": "character", "cape": "outfit", "idle": "object"}


def warned(*concepts, code, **more):
    more = {"steps": 800, "epochs": 1, **more}
    return [(w.item, w.text) for w in plan(Request(concepts, KINDS, **more)).warnings if w.code == code]


def folder(images, *triggers, name="a", **more):
    return Concept(name, triggers, ((512, 512, images),), **more)


@pytest.mark.parametrize(("trigger", "least"), [("zorbl", 10), ("cape", 8)])
def test_too_few_images_of_a_trigger(trigger, least):
    assert not warned(folder(least, trigger), code="few-images")
    [(item, text)] = warned(folder(least - 1, trigger), code="few-images")
    assert item == trigger
    assert f"{least - 1} images" in text


def test_images_of_a_trigger_are_counted_over_its_concepts():
    assert not warned(folder(5, "zorbl"), folder(5, "zorbl", name="b"), code="few-images")


@pytest.mark.parametrize(("optimizer", "most"), [("adamw", 6000), ("prodigy", 3000)])
def test_a_trigger_seen_too_often(optimizer, most):
    assert not warned(folder(10, "zorbl"), code="over-exposed", optimizer=optimizer, steps=most)
    [(item, text)] = warned(folder(10, "zorbl"), code="over-exposed", optimizer=optimizer, steps=most + 10)
    assert item == "zorbl"
    assert f"{most + 10} times" in text


def test_a_bucket_below_the_batch():
    concept = Concept("a", (), ((384, 640, 1), (512, 512, 9)))
    assert warned(concept, code="small-bucket", steps=10, batch=2) == [
        ("384x640", "fills only 1 of a batch of 2 in an epoch; fewer, fuller buckets train better")
    ]
    assert not warned(concept, code="small-bucket", steps=20, batch=2)


def test_enlarged_images():
    [(item, text)] = warned(folder(10, upscaled=3), code="upscaled")
    assert item == "a"
    assert text.startswith("3 of 10 images")


def test_fixed_repeats_are_nobodys_share():
    assert not warned(folder(900, repeats=1), code="over-share")
