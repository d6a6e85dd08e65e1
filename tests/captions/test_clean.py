import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.clean import cleaned, fates
from lorabuild.captions.tags import tagged, texts

WORDS = st.sampled_from(["a", "b", "c d", "C_D", "e", ""])


def clean(words, replace=(), drop=(), split=(), spared=()):
    fate = fates(dict(replace), dict(split), tuple(drop))
    kept, fallen = cleaned([tagged(word) for word in words], fate, spared)
    return texts(kept), fallen


def test_replaces_whole_tags_whatever_their_spelling():
    assert clean(["Grey Eyes", "grey"], {"grey_eyes": "gray_eyes"}) == (("gray_eyes", "grey"), [])


def test_an_empty_text_drops():
    assert clean(["a", "b"], {"a": " "}) == (("b",), ["a"])


def test_chains_are_followed_to_their_end():
    assert clean(["a"], {"a": "b", "b": "c"}) == (("c",), [])
    assert clean(["a"], {"a": "b", "b": ""}) == ((), ["a"])


@pytest.mark.parametrize("start", ["a", "b", "c"])
def test_a_ring_ends_at_its_first_word(start):
    assert clean([start], {"c": "b", "b": "a", "a": "c"}) == (("a",), [])


def test_a_tag_can_be_respelled():
    assert clean(["white_shirt"], {"white_shirt": "White Shirt"}) == (("White Shirt",), [])


def test_what_a_replacement_makes_can_be_dropped():
    assert clean(["a", "b"], {"a": "junk"}, ["j*"]) == (("b",), ["a"])


def test_a_drop_pattern_takes_whole_tags():
    assert clean(["meme", "meme_attire", "chat"], drop=["meme", "hat"]) == (("meme_attire", "chat"), ["meme"])


@given(st.lists(WORDS), st.dictionaries(WORDS, WORDS), st.lists(st.sampled_from(["a", "c*", "?"])))
def test_twice_is_once(words, replace, drop):
    once, _ = clean(words, replace, drop)
    assert clean(once, replace, drop) == (once, [])


def test_a_tag_is_split_and_what_it_becomes_meets_the_other_rules():
    split = {"hat_and_cape": ["hat", "Cape"], "cape": ["red_cape", "hood"]}
    assert clean(["x", "Hat and Cape"], {"hood": "cowl"}, ["hat"], split) == (("x", "red_cape", "cowl"), ["hat"])
    assert clean(["a"], {}, ["b"], {"a": ["b"]}) == ((), ["a"])
    assert clean(["a"], {"b": ""}, (), {"a": ["b", "c"]}) == (("c",), [])


def test_a_tag_that_is_met_inside_itself_stays():
    assert clean(["a"], split={"a": ["a", "b"]})[0] == ("a", "b")
    assert clean(["a"], split={"a": ["b"], "b": ["a", "c"]})[0] == ("a", "c")


def test_spared_tags_stay_as_they_are():
    assert clean(["a", "A b"], {"a": "c", "a_b": ""}, ["a*"], spared=["a_b"]) == (("c", "A b"), [])


@given(st.lists(WORDS), st.dictionaries(WORDS, st.lists(WORDS, max_size=3)), st.dictionaries(WORDS, WORDS))
def test_splitting_twice_is_splitting_once(words, split, replace):
    once, _ = clean(words, replace, (), split)
    again, fallen = clean(once, replace, (), split)
    assert (set(again), fallen) == (set(once), [])
