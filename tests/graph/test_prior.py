from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.prior import chosen


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
