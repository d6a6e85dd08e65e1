from fractions import Fraction

import pytest

from lorabuild.balance import recipes

KINDS = {"zorbl": "character", "cape": "outfit"}
PLAIN = Fraction(1)


@pytest.mark.parametrize(
    ("recipe", "optimizer", "expected"),
    [
        ("auto", "prodigy", "prodigy"),
        ("auto", "adamw", "adamw"),
        ("auto", "lion", "adamw"),
        ("auto", "dadaptation", "prodigy"),
        ("auto", "prodigy_plus_schedule_free", "prodigy"),
        ("prodigy", "adamw", "prodigy"),
    ],
)
def test_auto_follows_the_optimizer(recipe, optimizer, expected):
    assert recipes.resolve(recipe, optimizer) == expected


def test_an_outfit_is_a_sub_concept_only_beside_a_character():
    assert recipes.subordinate(["zorbl", "cape"], KINDS)
    assert recipes.subordinate(["cape"], KINDS)
    assert not recipes.subordinate(["zorbl"], KINDS)
    assert not recipes.subordinate(["cape"], {"cape": "outfit"})
    assert not recipes.subordinate([], {})


def test_factors_multiply():
    assert recipes.factor(large=False, min_snr=False, retro=False) == 1
    assert recipes.factor(large=True, min_snr=True, retro=True) == Fraction(1, 10)


@pytest.mark.parametrize("recipe", ["adamw", "prodigy"])
def test_a_recipe_alone_never_over_exposes_a_lone_trigger(recipe):
    lone = recipes.shares({"zorbl": ["zorbl"]}, KINDS, recipe=recipe, epochs=8, scale=PLAIN)
    assert lone["zorbl"] * 8 <= recipes.most(recipe)


@pytest.mark.parametrize(("recipe", "low", "high"), [("adamw", 4000, 6000), ("prodigy", 2000, 3000)])
def test_a_main_concept_trains_within_the_usual_total(recipe, low, high):
    concepts = {"a": ["zorbl"], "b": ["other"]}
    for epochs in (1, 4, 8, 20):
        share = recipes.shares(concepts, KINDS, recipe=recipe, epochs=epochs, scale=PLAIN)["a"]
        assert low <= share * epochs <= high


def test_an_unknown_optimizer_is_bounded_like_adamw():
    assert recipes.most("lion") == recipes.most("adamw") == 6000
    assert recipes.most("prodigy") == recipes.most("dadaptation") == 3000
