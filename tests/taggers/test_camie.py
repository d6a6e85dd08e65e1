import math

import numpy as np
import pytest
import tiny_tagger
from PIL import Image

from lorabuild.schema.taggers import Camie
from lorabuild.taggers import camie

SETTINGS = Camie(model="tagger")
RED = Image.new("RGB", (16, 16), (255, 0, 0))


def sigmoid(x):
    return pytest.approx(1 / (1 + math.exp(-x)), abs=1e-5)


def test_the_second_version_sees_imagenets_numbers_on_imagenets_mean():
    pixels = camie.shown(Image.new("RGB", (2, 6), (255, 0, 0)), 6, normalized=True)
    assert pixels.dtype == np.float32
    red = [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225]
    assert pixels[0, 2].tolist() == pytest.approx(red, rel=1e-5)
    assert np.abs(pixels[:, :2]).max() < 0.02


def test_the_first_version_sees_zero_to_one_on_black():
    pixels = camie.shown(Image.new("RGB", (6, 2), (255, 0, 51)), 6, normalized=False)
    assert pixels[2, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert not pixels[:2].any()


@pytest.mark.parametrize("size", [(1, 40), (40, 1), (7, 3), (512, 512)])
def test_any_size_becomes_the_models(size):
    assert camie.shown(Image.new("RGB", size), 16, normalized=True).shape == (16, 16, 3)


@pytest.mark.parametrize(("kind", "red"), [("camie", (1 - 0.485) / 0.229 * 12), ("camie_first", 12)])
def test_the_refined_answer_of_both_versions(site, tmp_path, kind, red):
    tiny_tagger.mapped(tmp_path / "tagger", kind, span=1.0)
    (scores,) = camie.load(SETTINGS, site, 1).tag([RED])
    found = {score.tag: (score.score, score.category) for score in scores}
    assert found["red"] == (sigmoid(red), "general")
    assert found["zorbl"] == (sigmoid(2), "character")
    assert found["oddity"] == (sigmoid(1), "other")
    assert found["general"] == (0.5, "rating")


def test_the_files_that_a_hub_id_means():
    assert camie._names(Camie()) == ("camie-tagger-v2.onnx", "camie-tagger-v2-metadata.json")
    assert camie._names(Camie(model="Camais03/camie-tagger@main")) == camie.FIRST


def test_a_file_among_several_goes_with_the_table_that_is_called_like_it(site, tmp_path):
    folder = tiny_tagger.mapped(tmp_path / "tagger", "camie")
    tiny_tagger.mapped(folder, "camie_first")
    found = camie.digests(Camie(model="tagger/model_initial.onnx"), site)
    assert [path.name for path in found.values()] == ["model_initial.onnx", "model_initial_metadata.json"]
