import pytest

from lorabuild.captions.prune import Absorber, absorbers, as_key, pruned
from lorabuild.captions.tags import tagged, texts
from lorabuild.core.errors import ProjectError
from lorabuild.schema.concepts import Trigger

UNPRUNED = """1girl ascot closed_mouth frilled_ascot frilled_skirt frills green_hair long_sleeves looking_at_viewer
open_mouth plaid plaid_skirt plaid_vest red_skirt red_vest shirt short_hair simple_background skirt solo umbrella vest
white_shirt yellow_ascot yellow_background"""
LEFT = "closed_mouth looking_at_viewer open_mouth simple_background solo umbrella yellow_background"


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
    known = {"a": Trigger(absorbs=("x",)), "b": Trigger(kind="outfit", absorbs=(), keeps=("y",))}
    assert absorbers(known, ["b", "a"]) == (Absorber("b", (), ("y",), True), Absorber("a", ("x",)))


def test_an_outfit_takes_shoes_where_their_group_is_named():
    tags = ["black_boots", "red_dress", "barefoot"]
    assert prune(tags, Absorber("o", ("@garments",), spares_footwear=True))[0] == ("black_boots", "barefoot")
    assert prune(tags, Absorber("o", ("@garments", "@footwear"), spares_footwear=True))[0] == ("barefoot",)


def test_groups_work_in_keeps():
    tags = ["blue_eyes", "closed_eyes", "red_hair"]
    assert prune(tags, Absorber("a", ("*_eyes", "@hair"), ("@expression",)))[0] == ("closed_eyes",)


def test_the_worked_example_of_the_craft_needs_nothing_but_kinds():
    known = {"CharaA": Trigger(), "Outfit1": Trigger(kind="outfit")}
    kept, gone = prune(UNPRUNED.split(), *absorbers(known, ["CharaA", "Outfit1"]))
    assert " ".join(kept) == LEFT
    assert [tag for tag, trigger in gone if trigger == "CharaA"] == ["1girl", "green_hair", "short_hair"]


def test_a_count_of_several_figures_is_no_lone_characters():
    known = {
        "a": Trigger(),
        "b": Trigger(),
        "coat": Trigger(kind="outfit"),
        "own": Trigger(absorbs=("@subject_count",)),
    }
    tags = ["1girl", "2girls", "multiple_boys", "green_hair"]
    assert prune(tags, *absorbers(known, ["a", "coat"]))[0] == ("2girls", "multiple_boys")
    assert prune(tags, *absorbers(known, ["a", "b"])) == ((), [(tag, "a") for tag in tags])
    assert prune(tags, *absorbers(known, ["own"]))[0] == ("green_hair",)
    assert as_key(known, ["a"])["triggers.a.keeps"] == ["@several_subjects"]
    assert as_key(known, ["a", "b"])["triggers.a.keeps"] == []
    assert as_key({"a": Trigger(level="fluid")}, ["a"])["triggers.a.keeps"] == []


def test_a_key_holds_what_is_absorbed_and_what_its_groups_hold():
    explicit = {"zorbl": Trigger(absorbs=("1creature",), keeps=("x",)), "other": Trigger()}
    assert as_key(explicit, ["zorbl"]) == {
        "triggers.zorbl.kind": "character",
        "triggers.zorbl.absorbs": ["1creature"],
        "triggers.zorbl.keeps": ["x"],
    }
    usual = as_key(explicit, ["other"])
    assert usual["triggers.other.absorbs"][:2] == ["@eyes", "@hair"]
    assert usual["tag group @hair"].startswith("b3:")
    assert as_key({"a": Trigger(level="fluid")}, ["a"])["triggers.a.absorbs"] == []
    same = {"a": Trigger(level="static", absorbs=("hat",))}
    assert as_key(same, ["a"])["triggers.a.absorbs"][-2:] == ["@species", "hat"]


@pytest.mark.parametrize(("name", "hint"), [("zorbi", "write `zorbl`"), ("qqqq", "add `qqqq:`")])
def test_an_unknown_trigger_is_answered(name, hint):
    with pytest.raises(ProjectError) as caught:
        absorbers({"zorbl": Trigger()}, [name])
    assert hint in caught.value.next_step
