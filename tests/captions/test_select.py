from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.select import LOWEST, Thresholds, mcut, prose, selected, thresholds_as_dict, thresholds_of
from lorabuild.captions.tags import texts
from lorabuild.schema.taggers import Camie, Merged, Prose, Sidecar, Wd14

SCORES = [
    ("general", 0.99, "rating"),
    ("smile", 0.35, "general"),
    ("1girl", 0.98, "general"),
    ("hat", 0.349999, "general"),
    ("miku", 0.85, "character"),
    ("rin", 0.849999, "character"),
    ("someone", 1.0, "other"),
    ("a girl with a hat", 1.0, "prose"),
]
USUAL = Thresholds(0.35, 0.85)


def of(category, *scores):
    return [(f"{category}_{score}", score, category) for score in scores]


def test_each_category_has_its_threshold_and_equal_is_enough():
    assert texts(selected(SCORES, [USUAL])) == ("1girl", "miku", "smile")


def test_names_are_marked():
    assert [tag.text for tag in selected(SCORES, [USUAL]) if tag.name] == ["miku"]


def test_equal_scores_stay_in_the_order_of_the_tagger():
    assert texts(selected([("b", 1.0, "general"), ("a", 1.0, "general")], [Thresholds()])) == ("b", "a")


def test_other_categories_are_asked_for():
    assert texts(selected(SCORES, [USUAL._replace(other=0.9)])) == ("someone", "1girl", "miku", "smile")


def test_sentences_are_no_tags():
    assert prose(SCORES) == ["a girl with a hat"]
    assert prose([["second", 1.0, "prose", 1], ["third", 1.0, "prose", 2]]) == ["second", "third"]
    assert prose([]) == []


def test_every_tagger_has_thresholds_of_its_own_and_the_better_score_of_a_tag_counts():
    scores = [("hat", 0.5, "general"), ("bow", 0.5, "general"), ("Hat", 0.7, "general", 1), ("cape", 0.6, "general", 1)]
    found = selected(scores, [Thresholds(0.4), Thresholds(0.65)])
    assert [(tag.text, tag.score) for tag in found] == [("Hat", 0.7), ("bow", 0.5)]
    assert texts(selected(scores, [Thresholds(0.6), Thresholds(0.6)])) == ("Hat", "cape")


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        ([0.9, 0.8, 0.3, 0.2], 0.55),
        ([0.2, 0.9, 0.3, 0.8], 0.55),
        ([0.9], (0.9 + LOWEST) / 2),
        ([0.95, 0.9, 0.85], (0.85 + LOWEST) / 2),
        ([0.5, 0.5], (0.5 + LOWEST) / 2),
        ([], LOWEST),
    ],
)
def test_mcut_cuts_in_the_middle_of_the_widest_gap(scores, threshold):
    assert mcut(scores) == pytest.approx(threshold)


@given(st.lists(st.floats(LOWEST, 1), min_size=1))
def test_mcut_parts_the_scores_at_their_widest_gap_in_any_order(scores):
    found, falling = mcut(scores), [*sorted(scores, reverse=True), LOWEST]
    assert found == mcut(scores[::-1])
    kept = [score for score in falling if score >= found]
    rest = [score for score in falling if score < found]
    gaps = [high - low for high, low in pairwise(falling)]
    assert kept
    assert (min(kept) - max(rest) if rest else 0) == max(gaps)


def test_mcut_is_for_each_category_and_tagger_alone_and_has_a_floor():
    scores = of("general", 0.9, 0.8, 0.3) + of("character", 0.6, 0.2, 0.16) + [("x", 0.5, "general", 1)]
    cut = Thresholds(0.99, 0.99, mcut=0.15)
    assert texts(selected(scores, [cut, cut])) == ("general_0.9", "general_0.8", "character_0.6", "x")
    faint = of("general", 0.14, 0.1)
    assert selected(faint, [cut]) == []
    assert texts(selected(faint, [Thresholds(mcut=0.0)])) == ("general_0.14", "general_0.1")


def test_thresholds_of_settings():
    assert thresholds_of(Wd14()) == (USUAL,)
    assert thresholds_of(Sidecar()) == thresholds_of(Prose()) == (Thresholds(),)
    merged = Merged(of=(Wd14(threshold=0.5), Camie(mcut=True, other_threshold=0.7)))
    assert thresholds_of(merged) == (Thresholds(0.5, 0.85), Thresholds(0.35, 0.85, 0.7, 0.15))


def test_the_key_names_what_is_asked_for_and_nothing_else():
    usual = {"tagger.threshold": 0.35, "tagger.character_threshold": 0.85}
    assert thresholds_as_dict(Wd14()) == thresholds_as_dict(Wd14(mcut_floor=0.3)) == usual
    assert thresholds_as_dict(Wd14(mcut=True)) == thresholds_as_dict(Wd14(mcut=True, threshold=0.1))
    assert thresholds_as_dict(Camie(mcut=True, other_threshold=0.7)) == {
        "tagger.mcut_floor": 0.15,
        "tagger.other_threshold": 0.7,
    }
    assert thresholds_as_dict(Merged(of=(Wd14(), Sidecar()))) == {
        "tagger.of.0.threshold": 0.35,
        "tagger.of.0.character_threshold": 0.85,
        "tagger.of.1.threshold": 0.0,
        "tagger.of.1.character_threshold": 0.0,
    }
