from fractions import Fraction

import pytest
from packs import asked, folder, verdicts

from lorabuild.balance import budget
from lorabuild.balance.enough import least_looks
from lorabuild.balance.request import Concept, Request
from lorabuild.balance.sets import sets_of

PLENTY = 30


def few(name, *told, **more):
    return [(one.with_, one.text) for one in verdicts(*told, **more)[name].findings if one.code == "too-few-images"]


def exposed(name, *told, **more):
    return [one for one in verdicts(*told, **more)[name].findings if one.code.endswith("-exposed")]


@pytest.mark.parametrize(
    ("kind", "images", "told"),
    [
        ("character", 0, "No image shows zorbl"),
        ("character", 9, "9 images of zorbl: fewer than 10 rarely teach it well, 30 are good."),
        ("character", 10, "10 images of zorbl can teach it; about 30 make it flexible."),
        ("character", 30, ""),
        ("style", 29, "29 images of zorbl can teach it"),
        ("outfit", 7, "7 images of zorbl: fewer than 8 rarely teach it well."),
        ("outfit", 8, ""),
    ],
)
def test_images_of_a_subject_and_of_an_outfit(kind, images, told):
    found = few("zorbl", f"zorbl:{kind}", *([folder("a", images, "zorbl", zorbl="eyes")] if images else []))
    assert [text[: len(told)] for _, text in found] == ([told] if told else [])


def test_a_complex_outfit_wants_20():
    parts = "skirt shirt vest ascot frills"
    assert "about 20" in few("cape", "cape:outfit", folder("a", 19, "cape", cape=parts))[0][1]
    assert not few("cape", "cape:outfit", folder("a", 20, "cape", cape=parts))


def test_a_pack_wants_50_of_each_and_50_of_both():
    kinds = "ann:character ben:character"
    told = [folder("ann", 50, "ann"), folder("ben", 49, "ben"), folder("duo", 49, "ann ben")]
    assert few("ann", kinds, *told) == [
        (("ben",), "49 images of ann and ben together: about 50 teach two in one picture.")
    ]
    assert [text.split(":")[0] for _, text in few("ben", kinds, *told)] == ["49 images of ben without ann"]
    assert not few("ann", kinds, *told[:2])


def test_an_outfit_needs_no_50_beside_its_wearers():
    kinds = "ann:character ben:character cape:outfit"
    assert not few("cape", kinds, folder("ann", 60, "ann cape"), folder("ben", 60, "ben"))


def test_over_exposed_is_what_the_balance_warns_of_and_half_an_outfit_is_freed():
    """DOMAIN's 100, 50 and 10 images at 300 an epoch: the character gets 900, 7200 in eight epochs."""
    outfits = [(name, images, 300 // images) for name, images in (("cape", 100), ("hat", 50), ("suit", 10))]
    told = [folder(name, images, f"zorbl {name}", (), repeats) for name, images, repeats in outfits]
    kinds = "zorbl:character cape:outfit hat:outfit suit:outfit"
    (one,) = exposed("zorbl", kinds, *told, steps=7200)
    assert (one.code, one.text[:32]) == ("over-exposed", "zorbl is seen 7200 times in all;")
    assert "  cape: {share: 0.5}" in one.remedy
    assert [exposed(name, kinds, *told) for name in ("cape", "hat", "suit")] == [[], [], []]
    concepts = tuple(Concept(name, ("zorbl", name), ((512, 512, images),)) for name, images, _ in outfits)
    table = budget.plan(Request(concepts, {"zorbl": "character"}, steps=7200))
    assert [row.item for row in table.warnings if row.code == "over-exposed"] == ["zorbl"]


def test_a_lone_concept_trains_less_instead():
    told = ("zorbl:character", folder("a", 100, "zorbl", (), 10))
    assert exposed("zorbl", *told, steps=8000)[0].remedy.endswith("budget:\n  steps: 6000")
    assert exposed("zorbl", *told, optimizer="prodigy")[0].remedy.endswith("budget:\n  epochs: 3")


def test_under_exposed_follows_the_recipe():
    cape, plain = folder("cape", 20, "zorbl cape", (), 2), folder("plain", 40, "zorbl", (), 10)
    kinds = "zorbl:character cape:outfit"
    (one,) = exposed("cape", kinds, plain, cape)
    assert (
        one.text
        == "cape is seen 320 times in all (40 % of the 800 that such a trigger wants at least): it may stay weak."
    )
    assert one.remedy.endswith("concepts:\n  cape: {weight: 2.5}")
    assert not exposed("cape", kinds, plain, cape, optimizer="prodigy", scale=Fraction(1, 2))
    assert exposed("cape", "cape:outfit", cape, steps=320)[0].remedy.endswith("budget:\n  steps: 1600")


def test_what_domain_calls_enough_is_enough():
    """34 images, 6 repeats, 10 epochs: 2040."""
    assert not exposed("zorbl", "zorbl:character", folder("a", 34, "zorbl", (), 6), epochs=10)


@pytest.mark.parametrize(
    ("kind", "more", "least"),
    [
        ("character", {}, 1500),
        ("outfit", {}, 800),
        ("character", {"optimizer": "prodigy"}, 1200),
        ("outfit", {"optimizer": "adamw", "recipe": "prodigy"}, 400),
        ("character", {"scale": Fraction(3, 5)}, 900),
    ],
)
def test_the_least_that_a_trigger_wants(kind, more, least):
    told = asked(f"zorbl:character it:{kind}", **more)
    assert least_looks(sets_of(told), told, told.words[1]) == least
