"""lorabuild.publish.slider: how a slider's pictures are laid out, and what is said of its strengths."""

import json

from lorabuild.publish.slider import advice, ends, layout, led, metadata, shown
from lorabuild.schema.slider import Slider, Target

CAT = Target(target="cat", positive="big cat", negative="small cat")
SLIDER = Slider(targets=(CAT,), strengths=(-2, -0.5, 0, 2), every=25, steps=50)


def drawn(prompt, epoch, weight):
    return {"prompt": prompt, "epoch": epoch, "weight": weight, "picture": f"{prompt} {epoch} {weight:g}"}


def test_every_prompt_is_a_row_and_the_base_is_strength_0():
    pictures = [drawn("a", 0, 0.0), drawn("a", 2, 2.0), drawn("a", 2, -2.0), drawn("b", 0, 0.0), drawn("b", 2, 2.0)]
    rows = list(layout(pictures, SLIDER))
    assert [(row.name, row.epoch, list(row.pictures)) for row in rows] == [("a", 2, [-2, 0, 2]), ("b", 2, [0, 2])]
    assert rows[0].pictures[0]["picture"] == "a 0 0"


def test_several_checkpoints_are_rows_called_by_their_steps():
    pictures = [drawn("a", 0, 0.0), *(drawn("a", epoch, 2.0) for epoch in (1, 2))]
    rows = list(layout(pictures, SLIDER))
    assert [(row.name, row.prompt, row.epoch) for row in rows] == [("a · step 25", "a", 1), ("a · step 50", "a", 2)]


def test_what_finish_made_is_a_row_of_its_own_and_is_what_is_handed_out():
    made = {**drawn("a", 2, 2.0), "picture": "made", "finished": []}
    rows = list(layout([drawn("a", 0, 0.0), drawn("a", 1, 2.0), drawn("a", 2, 2.0), made], SLIDER))
    assert [row.name for row in rows] == ["a · step 25", "a · step 50", "a · step 50, finished"]
    assert [row.pictures[2.0]["picture"] for row in rows] == ["a 1 2", "a 2 2", "made"]
    assert all(row.pictures[0]["picture"] == "a 0 0" for row in rows)
    assert [row.apart(2) for row in rows] == [(True, True), (False, True), (False, False)]


def test_what_is_said_of_strengths():
    assert ends(SLIDER) == (-2, 2)
    assert shown(-0.5) == "−0.5"
    assert advice(SLIDER) == "Use it at strengths −2 to 2; 0 is the base model."
    assert advice(SLIDER.model_copy(update={"strengths": (1,)})) == "Use it at strength 1; 0 is the base model."
    assert led(CAT) == "cat: strength 1 leads to “big cat”, −1 to “small cat”"
    erased = Target(target="", positive="cat", action="erase")
    assert led(erased) == "any prompt: strength 1 leads to the empty prompt, −1 to “cat”"


def test_the_header_says_what_was_learned_in_the_place_of_images():
    words = metadata(SLIDER, 512)
    assert all(isinstance(value, str) for value in words.values())
    assert json.loads(words["lorabuild.slider"])[0] | {"guidance": 1.0} == json.loads(words["lorabuild.slider"])[0]
    assert words["ss_num_train_images"] == "0"
    assert words["ss_resolution"] == "(512, 512)"
