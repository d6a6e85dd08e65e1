import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.clothing import ALONE, FOOTWEAR, GARMENTS, ORDER
from lorabuild.captions.consolidate import consolidated, one_figure
from lorabuild.captions.tags import tagged, texts

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "tag_rules.json").read_text("utf-8"))
GARMENT_TAGS = st.builds(
    "_".join,
    st.lists(st.sampled_from(["white", "red", "plaid", "long", "turtleneck", "dress", "holding", "open"]), max_size=3),
).map(lambda words: f"{words}_dress".strip("_"))


def both(*words, alone=True):
    return set(texts(consolidated([tagged(word) for word in words], alone=alone)))


def test_the_examples_of_the_craft():
    assert both("shirt", "white_shirt") == {"white_shirt"}
    assert both("white_dress", "turtleneck_dress") == {"white_turtleneck_dress"}
    assert both("hat", "chat") == {"hat", "chat"}


@pytest.mark.parametrize("case", [case for case in REFERENCE["drop_overlap"] if "jewelry" not in case["in"]])
def test_what_the_reference_drops(case):
    """Where it drops a plain substring (``hat`` in ``chat``) or needs a table (``hair_ornament``) we keep both."""
    kept = {word.replace(" ", "_") for word in both(*case["in"], alone=False)}
    expected = {word.replace(" ", "_") for word in case["out"]}
    assert kept == expected | ({"hat"} & set(case["in"])) | ({"hair_ornament"} & set(case["in"]))


@pytest.mark.parametrize(
    ("tags", "merged"),
    [
        (("blue skirt", "pleated skirt", "skirt"), {"blue pleated skirt"}),
        (("1girl", "shirt", "white shirt"), {"1girl", "white shirt"}),
        (("frilled_skirt", "plaid_skirt", "red_skirt"), {"red_plaid_frilled_skirt"}),
        (("light_blue_dress", "blue_dress", "long_dress"), {"long_light_blue_dress"}),
        (("red_cape", "cape", "hooded_cape"), {"red_hooded_cape"}),
        (("vertical-striped_shirt", "striped_shirt", "white_shirt"), {"white_vertical-striped_shirt"}),
    ],
)
def test_garments_merge(tags, merged):
    assert both(*tags) == merged


@pytest.mark.parametrize(
    "tags",
    [
        ("open_mouth", "closed_mouth"),
        ("blue_eyes", "closed_eyes"),
        ("looking_at_viewer", "looking_back"),
        ("simple_background", "yellow_background"),
        ("long_hair", "blonde_hair"),
        ("red_cape", "blue_cape"),
        ("red_cape", "blue_cape", "hooded_cape"),
        ("holding_hat", "black_hat"),
        ("round_body", "small_body"),
        ("hair_bow", "red_bow"),
        ("1girl", "2girls"),
        ("teal_skin", "one_eye", "two_eyes"),
    ],
)
def test_these_do_not(tags):
    assert both(*tags) == set(tags)


def test_whose_dress_is_which_when_there_are_two():
    assert both("white_dress", "turtleneck_dress", "dress", alone=False) == {"white_dress", "turtleneck_dress"}


@pytest.mark.parametrize("tags", [("1girl",), (), ("solo", "1creature"), ("multiple_tails",), ("3d",)])
def test_one_figure(tags):
    assert one_figure(map(tagged, tags))


@pytest.mark.parametrize("tags", [("2girls",), ("1girl", "1boy"), ("6+boys",), ("multiple_girls",), ("multiple boys",)])
def test_several_figures(tags):
    assert not one_figure(map(tagged, tags))


def test_names_are_left_alone():
    names = [tagged("saber", name=True), tagged("dark_saber", name=True), tagged("white_saber")]
    assert len(consolidated(names, alone=True)) == 3


def test_the_merged_tag_stands_where_the_first_stood_with_the_best_score():
    tags = [tagged("smile", 0.9), tagged("white_dress", 0.5, made_of=("white_dress",)), tagged("short_dress", 0.8)]
    merged = consolidated(tags, alone=True)
    assert texts(merged) == ("smile", "short_white_dress")
    assert merged[1].score == 0.8
    assert merged[1].made_of == ("white_dress",)


@given(st.lists(GARMENT_TAGS, max_size=6, unique=True))
def test_twice_is_once_and_nothing_is_made_up(tags):
    once = both(*tags)
    assert both(*once) == once
    assert {word for tag in once for word in tag.split("_")} <= {word for tag in tags for word in tag.split("_")}


@given(st.lists(GARMENT_TAGS, max_size=5, unique=True), st.randoms())
def test_the_order_changes_nothing(tags, random):
    shuffled = random.sample(tags, len(tags))
    assert both(*shuffled) == both(*tags)


def test_the_words_of_clothing_are_spelled_as_keys_and_stand_in_one_class():
    assert all(word == word.lower() and "_" not in word for words in (GARMENTS, *ORDER.values()) for word in words)
    assert not any(first & second for first, second in itertools.combinations(ORDER.values(), 2))
    assert FOOTWEAR <= GARMENTS
    assert set(ALONE) <= set(ORDER)
