import math

import numpy as np
import pytest
import tiny_tagger
from PIL import Image

from lorabuild.schema.taggers import ClTagger
from lorabuild.taggers import cl_tagger

SETTINGS = ClTagger(model="tagger", version="")
RED = Image.new("RGB", (16, 16), (255, 0, 0))


def sigmoid(x):
    return pytest.approx(1 / (1 + math.exp(-x)), abs=2e-6)


def test_the_picture_is_bgr_from_minus_one_to_one():
    pixels = cl_tagger.shown(Image.new("RGB", (4, 4), (255, 127, 0)), 4)
    assert pixels.dtype == np.float32
    assert pixels[0, 0].tolist() == pytest.approx([-1, 127 / 127.5 - 1, 1])


def test_around_it_is_white():
    assert (cl_tagger.shown(Image.new("RGB", (2, 6), (0, 0, 0)), 6)[:, 0] == 1).all()


def test_logits_become_scores_and_the_categories_are_ours(site, tmp_path):
    tiny_tagger.mapped(tmp_path / "tagger", "cl_tagger")
    (scores,) = cl_tagger.load(SETTINGS, site, 1).tag([RED])
    found = {score.tag: (score.score, score.category) for score in scores}
    assert found["red"] == (sigmoid(6), "general")
    assert found["1creature"] == (sigmoid(3), "general")
    assert found["zorbl"] == (sigmoid(2), "character")
    assert found["general"] == (0.5, "rating")
    assert found["oddity"] == (sigmoid(1), "other")
    assert not {"blue", "faint"} & found.keys()


def test_a_very_unlikely_tag_is_no_warning(site, tmp_path):
    tiny_tagger.mapped(tmp_path / "tagger", "cl_tagger", span=1e-3)
    (scores,) = cl_tagger.load(SETTINGS, site, 1).tag([RED])
    assert scores[0] == ("red", 1.0, "general", 0)


@pytest.mark.parametrize("name", ["model.onnx", "cl_tagger_1_02.onnx"])
def test_in_a_folder_of_ones_own_the_model_may_have_another_name(site, tmp_path, name):
    tiny_tagger.mapped(tmp_path / "tagger", "cl_tagger")
    (tmp_path / "tagger" / "model_optimized.onnx").rename(tmp_path / "tagger" / name)
    assert set(cl_tagger.digests(SETTINGS, site)) == set(cl_tagger.FILES)
    assert cl_tagger.load(ClTagger(model="tagger"), site, 1).tag([RED])[0][0].tag == "red"


def test_a_version_may_have_a_folder_of_its_own(site, tmp_path):
    tiny_tagger.mapped(tmp_path / "tagger" / "cl_tagger_1_02", "cl_tagger")
    found = cl_tagger.digests(ClTagger(model="tagger"), site)
    assert {path.parent.name for path in found.values()} == {"cl_tagger_1_02"}
