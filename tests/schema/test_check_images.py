from pathlib import Path

import pytest

from lorabuild.schema.check_images import images
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site


class Asked:
    """Settings, and places that are their words."""

    def __init__(self, *, root=Path("/nowhere"), concepts=None, **words):
        plain = {"plain": {"folder": "plain"}}
        base = {"name": "a", "base": {"model": "base"}, "concepts": concepts or plain}
        self.project = Project.model_validate({**base, "images": words})
        self.site = Site(self.project, root)

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


def test_models_of_steps_must_be_there(tmp_path):
    (problem,) = images(Asked(root=tmp_path, upscale="4x.pth"))
    assert problem.where == "images.upscale"
    assert "4x.pth" in problem.what
    (tmp_path / "4x.pth").touch()
    assert not [*images(Asked(root=tmp_path, upscale="4x.pth", erase="fill"))]
    (problem,) = images(Asked(root=tmp_path, **{"for": [{"match": "a", "restore": "fill"}]}))
    assert problem.where == "images.for.0.restore"


def test_words_that_belong_together(tmp_path):
    (tmp_path / "m.onnx").touch()
    assert [one.where for one in images(Asked(masks="model"))] == ["images.masks"]
    assert [one.where for one in images(Asked(root=tmp_path, mask_model="m.onnx"))] == ["images.masks"]
    assert not [*images(Asked(root=tmp_path, masks="model", mask_model="m.onnx"))]
    assert [one.where for one in images(Asked(root=tmp_path, detector="m.onnx"))] == ["images.detector"]
    assert not [*images(Asked(root=tmp_path, detector="m.onnx", crop="portrait"))]
    assert [one.where for one in images(Asked(buckets={"few": 3, "upscale": "never"}))] == ["images.buckets.few"]


def test_concepts_over_one_folder_have_the_same_steps():
    one, other = {"folder": "a", "images": {"trim": 0.2}}, {"folder": "./a"}
    (problem,) = images(Asked(concepts={"x": one, "y": other}))
    assert problem.where == "concepts.y"
    assert not [*images(Asked(concepts={"x": one, "y": {**other, "images": {"trim": 0.2}}}))]
    assert not [*images(Asked(concepts={"x": one, "y": {**other, "images": {"trim": 0.2, "resolution": 768}}}))]


def test_repeats_or_a_weight():
    (problem,) = images(Asked(**{"for": [{"match": "a", "weight": 2}, {"match": "b", "weight": 2, "repeats": 3}]}))
    assert problem.where == "images.for.1.weight"
