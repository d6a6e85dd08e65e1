import pytest

from lorabuild.schema.check_images import images
from lorabuild.schema.project import Project


class Asked:
    """Settings, and places that are their words."""

    def __init__(self, **words):
        base = {"name": "a", "base": {"model": "base"}, "concepts": {"plain": {"folder": "plain"}}}
        self.project = Project.model_validate({**base, "images": words})

    def where(self, dotted):
        return dotted


@pytest.mark.parametrize("word", ["color_augment", "random_crop"])
def test_what_differs_at_every_look_is_not_cached(word):
    (problem,) = images(Asked(**{word: True}))
    assert problem.where == f"images.{word}"
    assert "cache: false" in problem.next_step
    assert not [*images(Asked(**{word: True, "cache": False}))]


def test_flips_and_masks_are_cached():
    assert not [*images(Asked(flip=True, masks="side"))]
