import json
from pathlib import Path

import pytest

from lorabuild.captions.tags import KAOMOJI, distinct, spelling_key, split, tagged, texts, wider, written

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "tag_rules.json").read_text("utf-8"))


def test_the_faces_are_those_of_the_reference():
    assert sorted(KAOMOJI) == REFERENCE["kaomoji_exceptions"]


@pytest.mark.parametrize(("tag", "spaced"), REFERENCE["remove_underline"].items())
def test_spaces_for_underscores_as_the_reference(tag, spaced):
    assert written(tag, "space") == spaced


def test_keep_keeps():
    assert written("long_hair", "keep") == "long_hair"
    assert written("long hair", "keep") == "long hair"


@pytest.mark.parametrize("spelling", ["white shirt", "White_Shirt", "  white__shirt ", "white\tshirt"])
def test_spellings_of_one_tag_have_one_key(spelling):
    assert spelling_key(spelling) == "white_shirt"


@pytest.mark.parametrize(
    ("longer", "shorter"),
    [("white_shirt", "shirt"), ("t-shirt", "shirt"), ("very_long_hair", "long_hair"), ("very_long_hair", "hair")],
)
def test_a_tag_says_more_than_its_endings(longer, shorter):
    assert shorter in wider(longer)


@pytest.mark.parametrize(
    ("tag", "other"),
    [
        ("chat", "hat"),
        ("hair_ribbon", "hair"),
        ("dress_shirt", "dress"),
        ("no_hat", "hat"),
        ("^_^", "^"),
        ("hat", "hat"),
    ],
)
def test_and_nothing_else_is_contained_in_it(tag, other):
    assert other not in wider(tag)


def test_distinct_keeps_the_first_spelling_and_the_best_score():
    found = distinct([tagged("a b", 0.4), tagged("c", 0.3), tagged("A_B", 0.9)])
    assert texts(found) == ("a b", "c")
    assert found[0].score == 0.9


def test_split_forgets_empty_pieces():
    assert split(" a ,b,, c d ,") == ["a", "b", "c d"]
