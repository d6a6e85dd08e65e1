import light

from lorabuild.captions.human import by_lines
from lorabuild.graph.members import members
from lorabuild.graph.wording import most_forms, wording

TWO = "a creature in a cape\n\n  the {red|blue} cape  \n"
WILD = "training.wildcards=true"


def of(view):
    member = next(member for member in members(view) if member.concept == "cape")
    return member.caption, wording(view, member.caption, "cape").texts


def test_each_line_of_a_text_by_hand_is_a_caption_of_its_own_with_the_triggers_in_front(project):
    (project / "data/cape/e.txt").write_text(TWO, "utf-8")
    light.built(project, WILD)
    with light.viewed(project, WILD) as view:
        caption, texts = of(view)
        assert caption == "zorbl, zorbl_cape, a creature in a cape\nzorbl, zorbl_cape, the {red|blue} cape"
        assert set(texts) == {
            "zorbl, zorbl_cape, a creature in a cape",
            "zorbl, zorbl_cape, the red cape",
            "zorbl, zorbl_cape, the blue cape",
        }
        assert texts.count("zorbl, zorbl_cape, a creature in a cape") == len(texts) / 2
        assert most_forms(view) == 8
        assert {item.id for item in view.step("text").items} >= set(texts)


def test_without_wildcards_several_lines_are_one_as_they_always_were(project):
    (project / "data/cape/e.txt").write_text(TWO, "utf-8")
    light.built(project)
    with light.viewed(project) as view:
        caption, texts = of(view)
    assert texts == (caption,) == ("zorbl, zorbl_cape, a creature in a cape the {red|blue} cape",)


def test_only_texts_by_hand_are_captioned_again_for_it(project):
    light.built(project)
    done, _ = light.built(project, WILD)
    assert done["stages"]["caption"]["ran"] == 1


def test_texts_stand_around_captions_and_not_around_those_of_prior_pictures(project):
    around = ("training.caption_prefix=best,", "training.caption_suffix=photo")
    light.built(project, *around)
    with light.viewed(project, *around) as view:
        assert wording(view, "a, b", "plain").texts == ("best, a, b photo",)
        assert wording(view, "a, b").texts == ("a, b",)


def test_an_empty_text_by_hand_says_the_triggers_alone():
    assert by_lines("\n \n", ["zorbl"]) == "zorbl"
    assert by_lines("\ufeffa\r\nzorbl, b", ["zorbl"]) == "zorbl, a\nzorbl, b"
