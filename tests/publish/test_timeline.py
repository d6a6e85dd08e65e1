import pytest
from filled import PIXEL

from lorabuild.publish import timeline
from lorabuild.schema.slider import Slider, Target


def entries(*found, **more):
    return [
        {"prompt": prompt, "epoch": epoch, "weight": weight, "picture": "b3:x", **more}
        for prompt, epoch, weight in found
    ]


def of(pictures, shipped=2):
    return timeline.of_epochs(pictures, {"b3:x": PIXEL}, shipped)


def labels(row):
    return [cell.label for cell in row.pictures]


PLAIN = entries(("b", 2, 1.0), ("b", 0, 0.0), ("b", 1, 1.0), ("a", 0, 0.0), ("a", 1, 1.0), ("a", 2, 1.0))


def test_a_row_a_prompt_in_its_order_without_the_lora_first():
    found = of(PLAIN)
    assert [row.prompt for row in found.rows] == ["b", "a"]
    assert labels(found.rows[0]) == ["without LoRA", "epoch 1", "epoch 2"]
    assert [cell.stop for cell in found.rows[0].pictures] == [None, 0, 1]
    assert found.stops == ("epoch 1", "epoch 2")


@pytest.mark.parametrize(("shipped", "start"), [(1, 0), (2, 1)])
def test_it_begins_at_the_epoch_that_is_shipped(shipped, start):
    found = of(PLAIN, shipped)
    assert found.start == start
    assert [cell.shipped for cell in found.rows[0].pictures] == [False, shipped == 1, shipped == 2]
    assert [cell.label for cell in found.hero] == ["without LoRA", f"epoch {shipped}"]


def test_what_finish_made_is_what_is_shipped_and_stands_in_the_same_row():
    found = of(PLAIN[:3] + entries(("b", 2, 0.5), finished=[]))
    assert found.stops == ("epoch 1", "epoch 2", "epoch 2, finished")
    assert [cell.shipped for cell in found.rows[0].pictures] == [False, False, False, True]
    assert found.start == 2


def test_pictures_within_an_epoch_stand_before_its_end():
    within = entries(("a", 1, 1.0), step=50) + entries(("a", 1, 1.0), ("a", 2, 1.0), ("a", 0, 0.0))
    found = of(within)
    assert found.stops == ("step 50", "epoch 1", "epoch 2")
    assert [cell.shipped for cell in found.rows[0].pictures] == [False, False, False, True]


def test_what_is_asked_of_a_prompt_and_its_weight_part_its_rows():
    one, two = (["seed 1"], ["seed 2", "cfg 4"])
    seeds = entries(("a", 0, 0.0), ("a", 1, 1.0), apart=one)
    seeds += entries(("a", 0, 0.0), ("a", 1, 1.0), ("a", 1, 0.5), apart=two)
    rows = of(seeds, 1).rows
    assert [row.told for row in rows] == ["seed 1", "seed 2 · cfg 4 · weight 0.5", "seed 2 · cfg 4 · weight 1"]
    assert all(labels(row) == ["without LoRA", "epoch 1"] for row in rows)


def test_pictures_without_a_lora_alone_are_rows_too():
    found = of(entries(("a", 0, 0.0), ("b", 0, 0.0)))
    assert [labels(row) for row in found.rows] == [["without LoRA"], ["without LoRA"]]
    assert (found.stops, found.start) == ((), 0)
    assert [cell.label for cell in found.hero] == ["without LoRA"]


def test_nothing_drawn():
    assert of([]) == timeline.Timeline()
    assert of([]).hero == ()


def test_a_slider_stops_at_strengths():
    target = Target(target="", positive="old", negative="young")
    slider = Slider(targets=(target,), strengths=(-1, 1), every=10)
    drawn = entries(("a", 0, 0.0), ("a", 1, -1.0), ("a", 1, 1.0))
    found = timeline.of_strengths(drawn, {"b3:x": PIXEL}, 1, slider)
    assert found.word == "Strength"
    assert found.stops == ("strength −1", "0, without it", "strength 1")
    assert [cell.stop for cell in found.rows[0].pictures] == [0, 1, 2]
    assert found.start == 2
    assert [cell.label for cell in found.hero] == ["strength −1", "strength 1"]
    done = timeline.of_strengths(drawn + entries(("a", 1, 1.0), finished=[]), {"b3:x": PIXEL}, 1, slider)
    assert [row.prompt for row in done.rows] == ["a · step 10, finished", "a · step 10"]
