from typing import get_args

import pytest

from lorabuild.captions.kinds import KINDS, absorbed, told
from lorabuild.captions.pattern import matcher
from lorabuild.captions.prune import Absorber
from lorabuild.schema.concepts import Kind, Trigger
from lorabuild.schema.tag_groups import name_of, names


def test_every_kind_has_its_craft_and_every_group_is_there():
    assert set(KINDS) == set(get_args(Kind))
    patterns = {pattern for craft in KINDS.values() for pattern in (*craft.usual, *craft.more)}
    assert {name_of(pattern) for pattern in patterns} <= set(names())


# kind, what goes, what stays
CRAFT = {
    "character": (
        "green_eyes heterochromia long_hair braid blonde_hair dark_skin lipstick mole_under_eye 1girl 2girls",
        "large_breasts tall_female closed_eyes smile hat white_shirt hair_ribbon wet_hair cat_ears solo boots",
    ),
    "outfit": (
        "white_shirt pleated_skirt red_dress hat black_gloves striped_thighhighs belt red_bowtie",
        "black_boots high_heels thigh_boots blue_eyes hair_ribbon smile standing torn_shirt white_background",
    ),
    "style": (
        "monochrome retro_artstyle watercolor_(medium) traditional_media 1990s_(style) sketch",
        "1girl blue_eyes smile forest highres white_background",
    ),
    "pose": ("sitting arms_up crossed_legs", "smile looking_at_viewer 1girl chair"),
    "situation": ("", "1girl sitting umbrella rain"),
    "object": ("", "sword 1girl holding_sword"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_absorbs_unless_lora_yaml_says_it(kind):
    goes, stays = (text.split() for text in CRAFT[kind])
    takes = Absorber("z", absorbed(Trigger(kind=kind)), spares_footwear=kind == "outfit").takes
    assert [tag for tag in goes if not takes(tag)] == []
    assert [tag for tag in stays if takes(tag)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_explicit_list_is_only_that_list(kind):
    assert absorbed(Trigger(kind=kind, absorbs=("hat",))) == ("hat",)
    assert absorbed(Trigger(kind=kind, absorbs=())) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_levels(kind):
    usual = absorbed(Trigger(kind=kind))
    assert absorbed(Trigger(kind=kind, level="fluid", absorbs=("hat",))) == ()
    assert absorbed(Trigger(kind=kind, level="semi-static")) == usual
    static = absorbed(Trigger(kind=kind, level="static", absorbs=("hat",)))
    assert set(static) == {*usual, *KINDS[kind].more, "hat"}
    assert len(static) == len(set(static))


def test_a_static_character_takes_its_body_too_and_no_kind_takes_shoes():
    takes = matcher(absorbed(Trigger(level="static")))
    assert all(map(takes, ["large_breasts", "fox_tail", "elf", "blue_eyes"]))
    assert not any(matcher(absorbed(Trigger(kind=kind, level="static")))("black_boots") for kind in KINDS)


def test_what_a_plan_says():
    assert told(Trigger(kind="object", keeps=("x",))) == {
        "kind": "object",
        "level": "semi-static",
        "absorbs": [],
        "keeps": ["x"],
    }
