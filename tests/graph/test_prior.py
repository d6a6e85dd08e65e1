from collections import Counter

import light
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.prior import chosen, prior_pictures


def test_words_without_choices_stay():
    assert chosen("1creature, round_body", 0, 5) == "1creature, round_body"


def test_an_empty_choice_leaves_no_comma():
    prompts = {chosen("a, {hat|}, b", 0, index) for index in range(40)}
    assert prompts == {"a, hat, b", "a, b"}


def test_every_choice_comes_up_about_equally_often():
    counts = Counter(chosen("{red|green|blue}", 1, index) for index in range(900))
    assert set(counts) == {"red", "green", "blue"}
    assert min(counts.values()) > 230


def test_places_in_one_prompt_are_chosen_apart():
    assert len({chosen("{a|b} {a|b}", 0, index) for index in range(40)}) == 4


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_the_same_seed_and_index_give_the_same_words(seed, index):
    prompt = "{a|b|c}, x, {d|e}"
    assert chosen(prompt, seed, index) == chosen(prompt, seed, index)


def pictures(root, *overrides, **words):
    light.write(root, regularization={"generate": {"count": 3, "seed": 4, **words}})
    with light.viewed(root, *overrides) as view:
        return list(prior_pictures(view))


def test_no_regularization_means_no_prior_pictures(project):
    with light.viewed(project) as view:
        assert list(prior_pictures(view)) == []


def test_each_prior_picture_has_its_own_seed_and_counts_from_one(project):
    found = pictures(project)
    assert [item.id for item in found] == ["regularization/001", "regularization/002", "regularization/003"]
    assert len({item.reads["seed"] for item in found}) == len({item.key for item in found}) == 3
    assert all(0 <= item.reads["seed"] < 2**32 for item in found)


def test_without_prompts_the_classes_of_the_triggers_are_drawn(project):
    assert {item.reads["prompt"] for item in pictures(project)} == {"creature"}


def test_prompts_are_taken_in_turn(project):
    found = pictures(project, prompts=["one", "two"])
    assert [item.reads["prompt"] for item in found] == ["one", "two", "one"]


def test_the_key_holds_everything_that_is_drawn_with_and_the_count_is_not_in_it(project):
    few = pictures(project)
    parts = few[0].parts
    assert {f"base.{part}" for part in ("unet", "text_encoder", "tokenizer", "scheduler", "vae")} <= set(parts)
    asked = {f"regularization.{word}" for word in ("prompt", "negative", "seed", "steps", "cfg", "size")}
    assert {"base.clip_skip"} | asked <= set(parts)
    more = pictures(project, count=5)
    assert [item.key for item in more[:3]] == [item.key for item in few]
    assert few[0].key != pictures(project, cfg=3)[0].key
