import pytest
from pydantic import ValidationError

from lorabuild.schema.consumed import consumed
from lorabuild.schema.image_steps import StepRules, Steps
from lorabuild.schema.images import Images


def test_steps_that_are_off_are_part_of_no_key():
    assert consumed(Steps(), "images") == {}
    assert not {"images.for", "images.detector", "images.buckets.few"} & consumed(Images(), "images").keys()
    assert consumed(Images(trim=0.2), "images")["images.trim"] == 0.2


def test_the_same_words_stand_at_every_level():
    assert StepRules.model_fields.keys() == {*Steps.model_fields, "resolution", "more_resolutions"}
    assert StepRules.model_fields.keys() <= Images.model_fields.keys()


@pytest.mark.parametrize("crop", ["whole", "boxes", "portrait", "3:2", ["whole", "cowboy", "16:9"]])
def test_cuts(crop):
    assert Images(crop=crop).crop == ((crop,) if isinstance(crop, str) else tuple(crop))


@pytest.mark.parametrize("wrong", [{"crop": "0:2"}, {"crop": "legs"}, {"trim": 1}, {"pad": "left"}])
def test_what_is_no_step_is_refused(wrong):
    with pytest.raises(ValidationError):
        Images(**wrong)
