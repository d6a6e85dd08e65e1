import pytest

from lorabuild.captions.prune import Absorber, absorbers, pruned
from lorabuild.captions.tags import tagged, texts
from lorabuild.core.errors import ProjectError
from lorabuild.schema.concepts import Trigger


def prune(words, *triggers, endings=True):
    kept, gone = pruned([tagged(word) for word in words], triggers, endings=endings)
    return texts(kept), gone


def test_what_is_absorbed_goes_and_is_named():
    kept, gone = prune(["Blue Eyes", "smile"], Absorber("zorbl", ("*_eyes",)))
    assert kept == ("smile",)
    assert gone == [("Blue Eyes", "zorbl")]


def test_keeps_win_over_absorbs_of_the_same_trigger():
    assert prune(["blue_eyes", "closed_eyes"], Absorber("a", ("*_eyes",), ("closed_*",)))[0] == ("closed_eyes",)


def test_the_first_trigger_takes_it_and_another_may_take_what_one_keeps():
    first, second = Absorber("a", ("hat",), ("cape",)), Absorber("b", ("hat", "cape"))
    assert prune(["hat", "cape"], first, second)[1] == [("hat", "a"), ("cape", "b")]


def test_a_trigger_without_patterns_absorbs_nothing():
    assert prune(["1girl", "blue_eyes"], Absorber("a"))[0] == ("1girl", "blue_eyes")


def test_an_outfit_leaves_shoes_alone():
    outfit = Absorber("dress", ("*",), spares_footwear=True)
    assert prune(["red_dress", "black_boots", "high_heels", "shoes"], outfit)[0] == (
        "black_boots",
        "high_heels",
        "shoes",
    )


def test_unless_they_are_named():
    assert prune(["black_boots", "red_shoes"], Absorber("o", ("*_boots",), spares_footwear=True))[0] == ("red_shoes",)
    assert prune(["black_boots"], Absorber("c", ("black_*",)))[0] == ()


def test_what_says_less_of_a_pruned_tag_goes_with_it():
    kept, gone = prune(["cape", "red_cape", "chat", "hat"], Absorber("z", ("red_cape", "chat")))
    assert kept == ("hat",)
    assert gone == [("cape", "z"), ("red_cape", "z"), ("chat", "z")]


def test_unless_it_is_kept_or_endings_are_off_or_a_name():
    assert prune(["cape", "red_cape"], Absorber("z", ("red_cape",), ("cape",)))[0] == ("cape",)
    assert prune(["cape", "red_cape"], Absorber("z", ("red_cape",)), endings=False)[0] == ("cape",)
    saber = tagged("saber", name=True)
    assert pruned([saber, tagged("dark_saber")], [Absorber("z", ("dark_saber",))], endings=True)[0] == [saber]


def test_triggers_come_in_concept_order_and_only_outfits_spare_shoes():
    known = {"a": Trigger(absorbs=("x",)), "b": Trigger(kind="outfit", keeps=("y",))}
    assert absorbers(known, ["b", "a"]) == (Absorber("b", (), ("y",), True), Absorber("a", ("x",)))


@pytest.mark.parametrize(("name", "hint"), [("zorbi", "write `zorbl`"), ("qqqq", "add `qqqq:`")])
def test_an_unknown_trigger_is_answered(name, hint):
    with pytest.raises(ProjectError) as caught:
        absorbers({"zorbl": Trigger()}, [name])
    assert hint in caught.value.next_step
