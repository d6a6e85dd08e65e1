import pytest
from pydantic import ValidationError

from lorabuild.schema.caption_rules import Additive, CaptionRules, ImageRules
from lorabuild.schema.captions import Captions
from lorabuild.schema.consumed import consumed


def test_one_match_may_stand_without_a_list():
    words = ['{"match": "a.png"}', '{"match": ["a.png"]}']
    assert [ImageRules.model_validate_json(text, strict=True).match for text in words] == [("a.png",), ("a.png",)]


@pytest.mark.parametrize("text", ["{}", '{"match": []}', '{"match": 1}', '{"match": "a", "order": "loudness"}'])
def test_a_rule_says_which_images_it_means(text):
    with pytest.raises(ValidationError):
        ImageRules.model_validate_json(text, strict=True)


def test_every_level_has_the_words_of_the_project_but_what_is_said_once():
    once = {"tagger", "implications", "for_"}
    assert set(CaptionRules.model_fields) == set(Captions.model_fields) - once
    assert set(Additive.model_fields) < set(CaptionRules.model_fields)


def test_nothing_new_is_part_of_any_key():
    words = consumed(Captions(), "captions")
    assert {word for word in words if "tagger" not in word} == {
        f"captions.{name}" for name in ("drop", "replace", "consolidate", "order", "underscores")
    }
    assert consumed(CaptionRules(), "x") == {"x.drop": [], "x.replace": {}}
