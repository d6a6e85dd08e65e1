import math

import light
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph import balancing
from lorabuild.graph.forecast import forecast
from lorabuild.graph.heldout import chosen, held_out

IMAGES = st.lists(st.integers(0, 200), max_size=30, unique=True).map(lambda of: [(f"{n}.png", f"b3:{n}") for n in of])
CONCEPTS = st.dictionaries(st.sampled_from("abc"), IMAGES)


@given(CONCEPTS, st.floats(0.01, 0.5))
def test_one_of_each_concept_stays_and_one_is_held_out_where_it_can_be_spared(concepts, share):
    concepts = {name: [(f"{name}/{image}", pixels) for image, pixels in of] for name, of in concepts.items()}
    out = chosen(concepts, share)
    for images in concepts.values():
        assert not images or {name for name, _ in images} - out
    assert bool(out) == any(len(images) > 1 for images in concepts.values())
    assert len({pixels for images in concepts.values() for name, pixels in images if name in out}) <= math.ceil(
        share * sum(map(len, concepts.values()))
    )


@given(IMAGES, st.floats(0.01, 0.5), st.integers(201, 300))
def test_another_image_moves_no_more_than_one(images, share, number):
    before = chosen({"a": images}, share)
    after = chosen({"a": [*images, ("new.png", f"b3:{number}")]}, share)
    assert len(before ^ after - {"new.png"}) <= 1


def test_names_and_order_change_nothing():
    images = [(f"{n}.png", f"b3:{n}") for n in range(40)]
    renamed = [(f"x{name}", pixels) for name, pixels in reversed(images)]
    assert {f"x{name}" for name in chosen({"a": images}, 0.2)} == chosen({"b": renamed}, 0.2)
    assert 3 < len(chosen({"a": images}, 0.2)) <= 8


TRAINING = {"validation": {"share": 0.5}}


def test_what_is_held_out_is_neither_balanced_nor_learned_but_measured(project):
    light.write(project, training=TRAINING)
    light.built(project)
    with light.viewed(project) as view:
        out = held_out(view)
        assert out
        counted = {row.name: row.images for row in balancing.table(view).concepts}
        assert counted == {"plain": 3 - sum("plain" in name for name in out), "cape": 1}
        notes = [note["text"] for note in forecast(view)["notes"] if note["code"] == "validation"]
        assert notes[0].startswith(f"{len(out)} image")
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        item = light.items(view, "train")["train"]
        assert {record["id"] for record in item.reads["held"]} == out
        assert not out & {record["id"] for record in item.reads["records"]}
        assert "validation" in item.parts


def test_before_anything_is_known_nothing_is_held_out(project):
    light.write(project, training=TRAINING)
    with light.viewed(project) as view:
        assert held_out(view) == frozenset()
