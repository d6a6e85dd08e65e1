import pytest
from pydantic import ValidationError

from lorabuild.schema.images import Images


def test_pictures_are_cached_whole_and_as_they_are_by_default():
    plain = Images()
    assert (plain.masks, plain.cache, plain.flip, plain.color_augment, plain.random_crop) == (
        "none",
        True,
        *[False] * 3,
    )


def test_another_kind_of_mask_is_refused():
    with pytest.raises(ValidationError):
        Images.model_validate({"masks": "colour"})
